#include "hub/directory.h"

#include <stdlib.h>

#include "hub/hash.h"

#include "base/banned.h"

/* Room for one more in an array that doubles. */
#define GROW(array, n, size)                                                                                 \
    do {                                                                                                     \
        if ((n) == (size)) {                                                                                 \
            (size) = (size) ? (size)*2 : 16;                                                                 \
            (array) = xrealloc_array((array), (size), sizeof *(array));                                      \
        }                                                                                                    \
    } while (0)

void directory_free(struct directory *d)
{
    directory_forget_all(d);
    for (size_t s = 0; s < STREAM_NONE; s++)
        free(d->streams[s].v);
    free(d->rings);
    free(d->services);
    free(d->labels);
    filter_scratch_free(&d->scratch);
}

/* ---- indexes ---- */

static int compare_place(struct slice connection, unsigned client, const struct member *m)
{
    int c = slice_cmp(connection, m->connection.id);
    return c ? c : (client > m->client) - (client < m->client);
}

static int by_client(const void *a, const void *b)
{
    const struct member *x = *(struct member *const *)a, *y = *(struct member *const *)b;
    return compare_place(x->connection.id, x->client, y);
}

static int by_text(const void *a, const void *b)
{
    return slice_cmp(((const struct label *)a)->text, ((const struct label *)b)->text);
}

static bool active(const struct member *m, enum role role)
{
    return m->role == role && !m->superseded && !m->deaf;
}

/* The active members of a role, as an array that is made larger. */
static size_t collect(struct member ***v, struct member *members, enum role role)
{
    size_t n = 0;
    for (struct member *m = members; m; m = m->next)
        n += active(m, role);
    *v = xrealloc_array(*v, n + 1, sizeof **v);
    n = 0;
    for (struct member *m = members; m; m = m->next)
        if (active(m, role))
            (*v)[n++] = m;
    return n;
}

/* Rings of one connection stand side by side now: tell each the run it is in. */
static void group_clients(struct directory *d)
{
    for (size_t first = 0, end; first < d->n_rings; first = end) {
        for (end = first + 1; end < d->n_rings; end++)
            if (!slice_eq(d->rings[end]->connection.id, d->rings[first]->connection.id))
                break;
        for (size_t i = first; i < end; i++) {
            d->rings[i]->clients = &d->rings[first];
            d->rings[i]->n_clients = end - first;
        }
    }
}

static void add_label(struct directory *d, struct label l)
{
    GROW(d->labels, d->n_labels, d->size_labels);
    d->labels[d->n_labels++] = l;
}

static void add_labels(struct directory *d, const struct connection *c, const struct member *m)
{
    for (size_t t = 0; t < c->n_targets; t++)
        if (c->targets[t].issued_label.p)
            add_label(d, (struct label){c->targets[t].issued_label, c->id, m, false});
    for (size_t i = 0; m && i < c->n_sources; i++)
        for (size_t k = 0; k < c->sources[i].declared_acks.n; k++)
            add_label(d, (struct label){c->sources[i].declared_acks.v[k], c->id, m, true});
}

static void subscribe(struct directory *d, struct member *m)
{
    for (size_t o = 0; o < m->n_outlets; o++)
        for (size_t k = 0; k < m->outlets[o].n_filters; k++) {
            const struct filter *f = &m->outlets[o].filters[k];
            struct subscriptions *s = &d->streams[f->topic.stream];
            GROW(s->v, s->n, s->size);
            s->v[s->n++] = (struct subscription){m, o, f};
        }
}

void directory_rebuild(struct directory *d, struct member *members)
{
    if (!d->stale)
        return;
    d->stale = false;
    d->n_labels = 0;
    for (size_t s = 0; s < STREAM_NONE; s++)
        d->streams[s].n = 0;
    d->n_rings = collect(&d->rings, members, ROLE_OUT);
    d->n_services = collect(&d->services, members, ROLE_SERVICE);
    qsort(d->rings, d->n_rings, sizeof *d->rings, by_client);
    group_clients(d);
    for (size_t i = 0; i < d->n_rings; i++) {
        subscribe(d, d->rings[i]);
        add_labels(d, &d->rings[i]->connection, d->rings[i]);
    }
    for (size_t i = 0; i < d->n_services; i++) {
        const struct slices *labels = &d->services[i]->offer.labels;
        subscribe(d, d->services[i]);
        for (size_t k = 0; k < labels->n; k++)
            add_label(d, (struct label){labels->v[k], SLICE_NONE, d->services[i], false});
    }
    for (const struct expected *e = d->expected; e; e = e->next)
        add_labels(d, &e->connection, NULL);
    if (d->n_labels)
        qsort(d->labels, d->n_labels, sizeof *d->labels, by_text);
}

/* ---- who gets a message ---- */

static struct slice entity_of(const struct topic *t)
{
    return slice_of(t->full.p, t->namespace.len + 1 + t->name.len);
}

static bool takes(const struct member *m, const struct topic *t)
{
    return m->role != ROLE_OUT || m->n_clients == 1 || m->clients[hash_of(entity_of(t)) % m->n_clients] == m;
}

static bool of_origin(const struct member *m, const struct origin *o)
{
    return m == o->from || (m->role == ROLE_OUT && slice_eq(m->connection.id, o->connection));
}

/* Announcements of a connection are for its own targets. */
static bool for_others(const struct member *m, enum stream s, const struct topic *t)
{
    return s == STREAM_CONNECTION_ANNOUNCEMENTS && m->role == ROLE_OUT &&
           !slice_eq(m->connection.id, t->name);
}

static bool is_last_skipped(const struct matches *all, const struct subscription *sub)
{
    const struct match *last = all->n_skipped ? &all->skipped[all->n_skipped - 1] : NULL;
    return last && last->to == sub->member && last->outlet == sub->outlet;
}

static void skip(struct matches *all, const struct subscription *sub)
{
    if (is_last_skipped(all, sub))
        return;
    GROW(all->skipped, all->n_skipped, all->size_skipped);
    all->skipped[all->n_skipped++] = (struct match){sub->member, sub->outlet, sub->filter};
}

/* Another topic of the same target takes it. */
static void unskip(struct matches *all, const struct subscription *sub)
{
    all->n_skipped -= is_last_skipped(all, sub);
}

void directory_match(struct directory *d, enum stream s, const struct line *l, const struct topic *t,
                     const struct origin *o, struct matches *out)
{
    const struct subscriptions *subs = &d->streams[s];
    out->n = out->n_skipped = 0;
    for (size_t i = 0; i < subs->n; i++) {
        const struct subscription *sub = &subs->v[i];
        const struct match *last = out->n ? &out->v[out->n - 1] : NULL;
        struct member *m = sub->member;
        if (last && last->to == m && last->outlet == sub->outlet)
            continue; /* two topics of one target */
        if (of_origin(m, o) || for_others(m, s, t) || !takes(m, t) ||
            !outlet_may_read(&m->outlets[sub->outlet], o->readers))
            continue;
        if (!target_topic_matches(&sub->filter->topic, t) ||
            (sub->filter->has_rql && !filter_matches(sub->filter, l, &d->scratch))) {
            skip(out, sub);
            continue;
        }
        unskip(out, sub);
        GROW(out->v, out->n, out->size);
        out->v[out->n++] = (struct match){m, sub->outlet, sub->filter};
    }
}

/* ---- look-ups ---- */

/* The first of the labels with this text; n_labels if there is none. */
static size_t find_label(const struct directory *d, struct slice text)
{
    size_t low = 0, high = d->n_labels;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (slice_cmp(d->labels[mid].text, text) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < d->n_labels && slice_eq(d->labels[low].text, text) ? low : d->n_labels;
}

static bool is_own_label(const struct label *l, const struct origin *o)
{
    return l->connection.p ? slice_eq(l->connection, o->connection) : l->member == o->from;
}

enum label_state directory_label(const struct directory *d, struct slice label, const struct origin *o,
                                 struct slice *by)
{
    enum label_state state = LABEL_NOBODY;
    for (size_t i = find_label(d, label); i < d->n_labels && slice_eq(d->labels[i].text, label); i++) {
        const struct label *l = &d->labels[i];
        if (l->declared && state == LABEL_NOBODY) { /* devices may answer what they sent themselves */
            state = LABEL_DECLARED;
            *by = l->connection;
        }
        if (l->declared || is_own_label(l, o))
            continue;
        if (l->member)
            return LABEL_PRESENT;
        state = LABEL_AWAY;
    }
    return state;
}

static bool is_taken(const struct directory *d, struct slice text, struct slice connection)
{
    if (slice_eq(text, S("live-response")))
        return false;
    for (size_t i = find_label(d, text); i < d->n_labels && slice_eq(d->labels[i].text, text); i++) {
        const struct label *l = &d->labels[i];
        if (l->member && !l->declared && !(connection.p && slice_eq(l->connection, connection)))
            return true;
    }
    return false;
}

struct slice directory_label_conflict(const struct directory *d, const struct member *m)
{
    const struct connection *c = &m->connection;
    const struct slices *labels = &m->offer.labels;
    for (size_t t = 0; t < c->n_targets; t++)
        if (c->targets[t].issued_label.p && is_taken(d, c->targets[t].issued_label, c->id))
            return c->targets[t].issued_label;
    for (size_t i = 0; i < labels->n; i++)
        if (is_taken(d, labels->v[i], SLICE_NONE))
            return labels->v[i];
    return SLICE_NONE;
}

static bool serves(const struct member *m, struct slice pattern)
{
    for (size_t i = 0; i < m->offer.topics.n; i++)
        if (slice_eq(m->offer.topics.v[i], pattern))
            return true;
    return false;
}

struct slice directory_topic_conflict(const struct directory *d, const struct offer *o)
{
    for (size_t k = 0; k < o->topics.n; k++)
        for (size_t i = 0; i < d->n_services; i++)
            if (serves(d->services[i], o->topics.v[k]))
                return o->topics.v[k];
    return SLICE_NONE;
}

struct member *directory_service(const struct directory *d, struct slice topic, const struct member * not )
{
    struct member *best = NULL;
    size_t length = 0;
    for (size_t i = 0; i < d->n_services; i++) {
        const struct slices *topics = &d->services[i]->offer.topics;
        for (size_t k = 0; d->services[i] != not &&k < topics->n; k++)
            if (topics->v[k].len > length && pattern_matches(topics->v[k], topic)) {
                best = d->services[i];
                length = topics->v[k].len;
            }
    }
    return best;
}

struct member *directory_ring(const struct directory *d, struct slice connection, unsigned client)
{
    size_t low = 0, high = d->n_rings;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = compare_place(connection, client, d->rings[mid]);
        if (c == 0)
            return d->rings[mid];
        if (c > 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

struct member *directory_any_ring(const struct directory *d, struct slice connection, const struct topic *t)
{
    for (size_t i = 0; i < d->n_rings; i++)
        if (slice_eq(d->rings[i]->connection.id, connection))
            return d->rings[i]->clients[hash_of(entity_of(t)) % d->rings[i]->n_clients];
    return NULL;
}

bool directory_expects(const struct directory *d, struct slice connection)
{
    for (const struct expected *e = d->expected; e; e = e->next)
        if (slice_eq(e->connection.id, connection))
            return true;
    return false;
}

/* ---- expectations ---- */

void directory_forget(struct directory *d, struct slice id)
{
    for (struct expected **at = &d->expected; *at; at = &(*at)->next) {
        struct expected *e = *at;
        if (!slice_eq(e->connection.id, id))
            continue;
        *at = e->next;
        connection_free(&e->connection);
        free(e);
        d->n_expected--;
        d->stale = true;
        return;
    }
}

void directory_forget_all(struct directory *d)
{
    while (d->expected)
        directory_forget(d, d->expected->connection.id);
}

int directory_expect(struct directory *d, struct connection *c)
{
    struct expected *e;
    directory_forget(d, c->id);
    if (d->n_expected == EXPECT_MAX) {
        connection_free(c);
        return -1;
    }
    e = xcalloc(1, sizeof *e);
    e->connection = *c;
    e->next = d->expected;
    d->expected = e;
    d->n_expected++;
    d->stale = true;
    return 0;
}
