#include "hub/directory.h"

#include <stdlib.h>

#include "hub/member.h"

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
    free(d->labels);
}

/* ---- indexes ---- */

static int by_client(const void *a, const void *b)
{
    const struct member *x = *(struct member *const *)a, *y = *(struct member *const *)b;
    int c = slice_cmp(x->connection.id, y->connection.id);
    return c ? c : (x->client > y->client) - (x->client < y->client);
}

static int by_text(const void *a, const void *b)
{
    return slice_cmp(((const struct label *)a)->text, ((const struct label *)b)->text);
}

static bool active(const struct member *m)
{
    return m->role == ROLE_OUT && !m->superseded && !m->deaf;
}

static void collect_rings(struct directory *d, struct member *members)
{
    size_t n = 0;
    for (struct member *m = members; m; m = m->next)
        n += active(m);
    d->rings = xrealloc_array(d->rings, n + 1, sizeof *d->rings);
    d->n_rings = 0;
    for (struct member *m = members; m; m = m->next)
        if (active(m))
            d->rings[d->n_rings++] = m;
    qsort(d->rings, n, sizeof *d->rings, by_client);
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

static void add_labels(struct directory *d, const struct connection *c, bool present)
{
    for (size_t t = 0; t < c->n_targets; t++) {
        if (!c->targets[t].issued_label.p)
            continue;
        GROW(d->labels, d->n_labels, d->size_labels);
        d->labels[d->n_labels++] = (struct label){c->targets[t].issued_label, c->id, present};
    }
}

static void subscribe(struct directory *d, struct member *m, size_t target)
{
    const struct target *t = &m->connection.targets[target];
    for (size_t k = 0; k < t->n_topics; k++) {
        struct subscriptions *s;
        if (t->topics[k].stream >= STREAM_NONE)
            continue;
        s = &d->streams[t->topics[k].stream];
        GROW(s->v, s->n, s->size);
        s->v[s->n++] = (struct subscription){m, target, &t->topics[k]};
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
    collect_rings(d, members);
    group_clients(d);
    for (size_t i = 0; i < d->n_rings; i++) {
        for (size_t t = 0; t < d->rings[i]->connection.n_targets; t++)
            subscribe(d, d->rings[i], t);
        add_labels(d, &d->rings[i]->connection, true);
    }
    for (const struct expected *e = d->expected; e; e = e->next)
        add_labels(d, &e->connection, false);
    if (d->n_labels)
        qsort(d->labels, d->n_labels, sizeof *d->labels, by_text);
}

/* ---- look-ups ---- */

static size_t entity_hash(const struct topic *t)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < t->namespace.len; i++)
        h = (h ^ (unsigned char)t->namespace.p[i]) * 1099511628211u;
    h = (h ^ ':') * 1099511628211u;
    for (size_t i = 0; i < t->name.len; i++)
        h = (h ^ (unsigned char)t->name.p[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

static bool serves(const struct member *m, const struct topic *t)
{
    return m->n_clients == 1 || m->clients[entity_hash(t) % m->n_clients] == m;
}

void directory_match(const struct directory *d, enum stream s, const struct topic *t, struct slice origin,
                     struct matches *out)
{
    const struct subscriptions *subs = &d->streams[s];
    out->n = 0;
    for (size_t i = 0; i < subs->n; i++) {
        const struct subscription *sub = &subs->v[i];
        const struct match *last = out->n ? &out->v[out->n - 1] : NULL;
        if (last && last->to == sub->member && last->target == sub->target)
            continue; /* two topics of one target */
        if (!target_topic_matches(sub->topic, t) || slice_eq(sub->member->connection.id, origin) ||
            !serves(sub->member, t))
            continue;
        GROW(out->v, out->n, out->size);
        out->v[out->n++] = (struct match){sub->member, sub->target};
    }
}

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

enum label_state directory_label(const struct directory *d, struct slice label, struct slice origin)
{
    enum label_state state = LABEL_NOBODY;
    for (size_t i = find_label(d, label); i < d->n_labels && slice_eq(d->labels[i].text, label); i++) {
        if (slice_eq(d->labels[i].connection, origin))
            continue;
        if (d->labels[i].present)
            return LABEL_PRESENT;
        state = LABEL_AWAY;
    }
    return state;
}

struct slice directory_conflict(const struct directory *d, const struct connection *c)
{
    for (size_t t = 0; t < c->n_targets; t++) {
        struct slice label = c->targets[t].issued_label;
        if (!label.p || slice_eq(label, S("live-response")))
            continue;
        for (size_t i = find_label(d, label); i < d->n_labels && slice_eq(d->labels[i].text, label); i++)
            if (d->labels[i].present && !slice_eq(d->labels[i].connection, c->id))
                return label;
    }
    return SLICE_NONE;
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
