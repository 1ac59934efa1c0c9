/* The log that is gone with its process: the contract of log.h without a disk. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "store/ledger.h"

#include "base/banned.h"

struct memory_log {
    struct event_log log;
    struct ledger ledger;
    enum log_mode mode;
    size_t cap;
    struct slice *records; /* [position - 1] */
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

static int memory_snapshot(struct event_log *log, struct record *r)
{
    if (of(log)->mode == LOG_WRITE)
        return ledger_snapshot(&of(log)->ledger, r);
    errno = EROFS;
    return -1;
}

static int memory_commit(struct event_log *log)
{
    struct memory_log *m = of(log);
    struct ledger *l = &m->ledger;
    if (l->head + l->n_staged > m->cap) {
        m->cap = (l->head + l->n_staged) * 2;
        m->records = xrealloc_array(m->records, m->cap, sizeof *m->records);
    }
    for (struct staged *s = l->staged; s < l->staged + l->n_staged; s++)
        m->records[s->position - 1] = slice_dup(ledger_bytes(l, s));
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
    buf_put_slice(dst, m->records[position - 1]);
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

static void memory_health(const struct event_log *log, struct log_health *out)
{
    *out = (struct log_health){.position = of(log)->ledger.head, .clean = true, .writable = true};
}

static int memory_close(struct event_log *log)
{
    struct memory_log *m = of(log);
    for (uint64_t i = 0; i < m->ledger.head; i++)
        free((char *)m->records[i].p);
    free(m->records);
    ledger_free(&m->ledger);
    free(m);
    return 0;
}

const struct log_backend log_memory = {
    .name = "memory",
    .open = memory_open,
    .append = memory_append,
    .snapshot = memory_snapshot,
    .commit = memory_commit,
    .discard = memory_discard,
    .read = memory_read,
    .read_id = memory_read_id,
    .health = memory_health,
    .close = memory_close,
};
