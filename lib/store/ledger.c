#include "store/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"

#include "base/banned.h"

enum { KEEP_BYTES = 1024 * 1024 };

static void free_account(struct account *a)
{
    free((char *)a->id.p);
    free(a->v);
    free(a);
}

void ledger_free(struct ledger *l)
{
    for (size_t i = 0; i < l->n; i++)
        free_account(l->v[i]);
    free(l->v);
    free(l->bases);
    free(l->staged);
    buf_free(&l->bytes);
    *l = (struct ledger){0};
}

static size_t place_of(const struct ledger *l, struct slice id)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (slice_cmp(l->v[mid]->id, id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct account *find(const struct ledger *l, struct slice id)
{
    size_t i = place_of(l, id);
    return i < l->n && slice_eq(l->v[i]->id, id) ? l->v[i] : NULL;
}

static struct account *find_or_add(struct ledger *l, struct slice id)
{
    struct account *a = find(l, id);
    if (a)
        return a;
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->v = xrealloc_array(l->v, l->cap, sizeof *l->v);
    }
    size_t i = place_of(l, id);
    memmove(l->v + i + 1, l->v + i, (l->n - i) * sizeof *l->v);
    l->n++;
    a = l->v[i] = xcalloc(1, sizeof *a);
    a->id = slice_dup(id);
    return a;
}

static void enter(struct account *a, uint64_t revision, uint64_t position)
{
    if (a->n == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 4;
        a->v = xrealloc_array(a->v, a->cap, sizeof *a->v);
    }
    if (!a->n)
        a->first = revision;
    a->v[a->n++] = position;
    a->committed = a->revision = revision;
}

/* --- taking over ------------------------------------------------------------------------------------------------- */

struct record ledger_cut(uint64_t cut, uint64_t bases)
{
    return (struct record){RECORD_CUT, S(""), bases, cut, cut, 0, S("{}")};
}

static int add_cut(struct ledger *l, const struct record *r, struct log_error *err)
{
    if (l->head || l->cut)
        return log_fail(err, EXIT_PERMANENT, "it was cut twice, at %" PRIu64 " and at %" PRIu64, l->cut,
                        r->position);
    l->head = l->cut = r->position;
    l->want = r->revision;
    return 0;
}

static int add_base(struct ledger *l, struct account *a, const struct record *r, struct log_error *err)
{
    if (r->position > l->cut || l->head != l->cut || a->n)
        return log_fail(err, EXIT_PERMANENT, "a snapshot of connection '%.*s' stands at %" PRIu64,
                        SLICE_ARG(r->id), r->position);
    if (l->n_bases == l->cap_bases) {
        l->cap_bases = l->cap_bases ? l->cap_bases * 2 : 16;
        l->bases = xrealloc_array(l->bases, l->cap_bases, sizeof *l->bases);
    }
    l->bases[l->n_bases++] = r->position;
    enter(a, r->revision, r->position);
    return 0;
}

static int add_event(struct ledger *l, struct account *a, const struct record *r, struct log_error *err)
{
    if (r->position != l->head + 1)
        return log_fail(err, EXIT_PERMANENT, "record %" PRIu64 " stands where record %" PRIu64 " should be",
                        r->position, l->head + 1);
    if (r->revision != a->revision + 1)
        return log_fail(err, EXIT_PERMANENT,
                        "revision %" PRIu64 " of connection '%.*s' follows revision %" PRIu64, r->revision,
                        SLICE_ARG(r->id), a->revision);
    enter(a, r->revision, r->position);
    l->head = r->position;
    return 0;
}

int ledger_add(struct ledger *l, const struct record *r, struct log_error *err)
{
    if (r->kind == RECORD_CUT)
        return add_cut(l, r, err);
    struct account *a = find_or_add(l, r->id);
    return r->kind == RECORD_SNAPSHOT ? add_base(l, a, r, err) : add_event(l, a, r, err);
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

int ledger_settle(struct ledger *l, struct log_error *err)
{
    if (l->n_bases)
        qsort(l->bases, l->n_bases, sizeof *l->bases, by_number);
    if (l->n_bases == l->want)
        return 0;
    return log_fail(err, EXIT_PERMANENT, "of %" PRIu64 " snapshots at its beginning only %zu are there",
                    l->want, l->n_bases);
}

/* --- appending --------------------------------------------------------------------------------------------------- */

static int stage(struct ledger *l, struct account *a, struct record *r)
{
    if (r->id.len > RECORD_MAX_ID || r->payload.len > RECORD_MAX_PAYLOAD) {
        errno = EMSGSIZE;
        return -1;
    }
    if (l->n_staged == l->cap_staged) {
        l->cap_staged = l->cap_staged ? l->cap_staged * 2 : 16;
        l->staged = xrealloc_array(l->staged, l->cap_staged, sizeof *l->staged);
    }
    r->position = l->head + l->n_staged + 1;
    r->durable = l->head;
    struct staged *s = &l->staged[l->n_staged++];
    *s = (struct staged){a, r->revision, r->position, l->bytes.len, 0};
    record_put(&l->bytes, r);
    s->len = l->bytes.len - s->offset;
    a->revision = r->revision;
    return 0;
}

int ledger_append(struct ledger *l, struct record *r, uint64_t expected_revision)
{
    struct account *a = find_or_add(l, r->id);
    if (a->revision != expected_revision) {
        errno = ESTALE;
        return -1;
    }
    r->revision = expected_revision + 1;
    return stage(l, a, r);
}

struct slice ledger_bytes(const struct ledger *l, const struct staged *s)
{
    return slice_of(buf_p(&l->bytes) + s->offset, s->len);
}

static void forget_staged(struct ledger *l)
{
    l->n_staged = 0;
    buf_reset(&l->bytes, KEEP_BYTES);
}

void ledger_commit(struct ledger *l)
{
    for (struct staged *s = l->staged; s < l->staged + l->n_staged; s++)
        enter(s->account, s->revision, s->position);
    l->head += l->n_staged;
    forget_staged(l);
}

/* Refused ids must not add up. */
static void close_empty_accounts(struct ledger *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i]->n)
            l->v[kept++] = l->v[i];
        else
            free_account(l->v[i]);
    l->n = kept;
}

void ledger_discard(struct ledger *l)
{
    for (struct staged *s = l->staged; s < l->staged + l->n_staged; s++)
        s->account->revision = s->account->committed;
    forget_staged(l);
    close_empty_accounts(l);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

struct reader {
    ledger_fetch *fetch;
    void *backend;
    log_visit *visit;
    void *arg;
    struct buf bytes;
};

/* 1 go on, 0 the visitor has enough, -1 with errno */
static int show(struct reader *in, uint64_t position)
{
    struct record r;
    size_t len;
    buf_reset(&in->bytes, KEEP_BYTES);
    if (in->fetch(in->backend, position, &in->bytes) != 0)
        return -1;
    if (record_read(buf_slice(&in->bytes), &r, &len) != RECORD_WHOLE || r.position != position) {
        errno = EBADMSG;
        return -1;
    }
    return in->visit(in->arg, &r);
}

int ledger_read(const struct ledger *l, uint64_t after, ledger_fetch *fetch, void *backend, log_visit *visit,
                void *arg)
{
    struct reader in = {fetch, backend, visit, arg, {0}};
    int rc = 1;
    for (size_t i = 0; rc == 1 && after < l->cut && i < l->n_bases; i++)
        if (l->bases[i] > after)
            rc = show(&in, l->bases[i]);
    for (uint64_t p = (after > l->cut ? after : l->cut) + 1; rc == 1 && p <= l->head; p++)
        rc = show(&in, p);
    buf_free(&in.bytes);
    return rc < 0 ? -1 : 0;
}

int ledger_read_id(const struct ledger *l, struct slice id, uint64_t from, ledger_fetch *fetch, void *backend,
                   log_visit *visit, void *arg)
{
    struct reader in = {fetch, backend, visit, arg, {0}};
    const struct account *a = find(l, id);
    int rc = 1;
    for (size_t i = a && from > a->first ? from - a->first : 0; a && rc == 1 && i < a->n; i++)
        rc = show(&in, a->v[i]);
    buf_free(&in.bytes);
    return rc < 0 ? -1 : 0;
}

uint64_t ledger_newest(const struct ledger *l)
{
    return l->head > l->cut ? l->head : l->n_bases ? l->bases[l->n_bases - 1] : 0;
}

void ledger_health(const struct ledger *l, struct log_health *out)
{
    out->position = l->head;
    out->cut = l->cut;
    out->bases = l->n_bases;
}
