/* The log that is gone with its process: the contract of log.h without a disk. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "store/ledger.h"

#include "base/banned.h"

struct shelf { /* records by position */
    size_t n, cap;
    struct slice *v; /* [position - 1] */
};

struct memory_log {
    struct event_log log;
    struct ledger ledger, fresh_ledger;
    enum log_mode mode;
    struct shelf shelf, fresh;
    bool rewriting;
};

static struct memory_log *of(const struct event_log *log)
{
    return (struct memory_log *)(void *)log; /* log is its first member */
}

static struct event_log *memory_open(const char *dir, enum log_mode mode, log_visit *visit, void *arg,
                                     struct log_error *err)
{
    (void)dir, (void)visit, (void)arg, (void)err;
    struct memory_log *m = xcalloc(1, sizeof *m);
    m->log.backend = &log_memory;
    m->mode = mode;
    return &m->log;
}

static int memory_append(struct event_log *log, struct record *r, uint64_t expected_revision)
{
    if (of(log)->mode == LOG_WRITE)
        return ledger_append(&of(log)->ledger, r, expected_revision);
    errno = EROFS;
    return -1;
}

static void shelve(struct shelf *s, uint64_t position, struct slice bytes)
{
    if (position > s->cap) {
        s->cap = position * 2;
        s->v = xrealloc_array(s->v, s->cap, sizeof *s->v);
    }
    while (s->n < position)
        s->v[s->n++] = SLICE_NONE;
    s->v[position - 1] = slice_dup(bytes);
}

static void clear(struct shelf *s)
{
    for (size_t i = 0; i < s->n; i++)
        free((char *)s->v[i].p);
    free(s->v);
    *s = (struct shelf){0};
}

static int memory_commit(struct event_log *log)
{
    struct memory_log *m = of(log);
    struct ledger *l = &m->ledger;
    for (struct staged *s = l->staged; s < l->staged + l->n_staged; s++)
        shelve(&m->shelf, s->position, ledger_bytes(l, s));
    ledger_commit(l);
    return 0;
}

static void memory_discard(struct event_log *log)
{
    ledger_discard(&of(log)->ledger);
}

static int fetch(void *backend, uint64_t position, struct buf *dst)
{
    const struct memory_log *m = backend;
    buf_put_slice(dst, m->shelf.v[position - 1]);
    return 0;
}

static int memory_read(struct event_log *log, uint64_t after, log_visit *visit, void *arg)
{
    return ledger_read(&of(log)->ledger, after, fetch, log, visit, arg);
}

static int memory_read_id(struct event_log *log, struct slice id, uint64_t from, log_visit *visit, void *arg)
{
    return ledger_read_id(&of(log)->ledger, id, from, fetch, log, visit, arg);
}

/* There is no next open. */
static int memory_snapshot(struct event_log *log, log_state *state, void *arg)
{
    (void)log, (void)state, (void)arg;
    return 0;
}

static void memory_rewrite_abandon(struct event_log *log)
{
    struct memory_log *m = of(log);
    clear(&m->fresh);
    ledger_free(&m->fresh_ledger);
    m->rewriting = false;
}

static int fits(struct memory_log *m, int rc)
{
    if (rc == 0)
        return 0;
    memory_rewrite_abandon(&m->log);
    errno = EINVAL;
    return -1;
}

static int memory_rewrite_begin(struct event_log *log, uint64_t cut, uint64_t bases)
{
    struct memory_log *m = of(log);
    struct record r = ledger_cut(cut, bases);
    struct log_error err;
    memory_rewrite_abandon(log);
    m->rewriting = true;
    return cut ? fits(m, ledger_add(&m->fresh_ledger, &r, &err)) : 0;
}

static int memory_rewrite_put(struct event_log *log, const struct record *r)
{
    struct memory_log *m = of(log);
    struct log_error err;
    struct buf bytes = {0};
    if (!m->rewriting || fits(m, ledger_add(&m->fresh_ledger, r, &err)) != 0)
        return -1;
    record_put(&bytes, r);
    shelve(&m->fresh, r->position, buf_slice(&bytes));
    buf_wipe(&bytes);
    return 0;
}

static int memory_rewrite_end(struct event_log *log)
{
    struct memory_log *m = of(log);
    struct log_error err;
    bool whole =
        m->rewriting && !m->ledger.n_staged && (!m->ledger.head || m->fresh_ledger.head == m->ledger.head);
    if (fits(m, whole ? ledger_settle(&m->fresh_ledger, &err) : -1) != 0)
        return -1;
    clear(&m->shelf);
    ledger_free(&m->ledger);
    m->shelf = m->fresh;
    m->ledger = m->fresh_ledger;
    m->fresh = (struct shelf){0};
    m->fresh_ledger = (struct ledger){0};
    m->rewriting = false;
    return 0;
}

static void memory_health(const struct event_log *log, struct log_health *out)
{
    *out = (struct log_health){.clean = true, .writable = true};
    ledger_health(&of(log)->ledger, out);
}

static int memory_close(struct event_log *log)
{
    struct memory_log *m = of(log);
    memory_rewrite_abandon(log);
    clear(&m->shelf);
    ledger_free(&m->ledger);
    free(m);
    return 0;
}

const struct log_backend log_memory = {
    .name = "memory",
    .open = memory_open,
    .append = memory_append,
    .commit = memory_commit,
    .discard = memory_discard,
    .read = memory_read,
    .read_id = memory_read_id,
    .snapshot = memory_snapshot,
    .rewrite_begin = memory_rewrite_begin,
    .rewrite_put = memory_rewrite_put,
    .rewrite_end = memory_rewrite_end,
    .rewrite_abandon = memory_rewrite_abandon,
    .health = memory_health,
    .close = memory_close,
};
