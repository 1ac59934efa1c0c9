#include "store/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "json/json.h"

#include "base/banned.h"

static const char FRESH[] = SNAPSHOT_FILE ".new";

enum { CHUNK = 1024 * 1024 };

/* --- writing ----------------------------------------------------------------------------------------------------- */

static void put_head(struct buf *dst, uint64_t position, size_t n, uint32_t newest)
{
    char text[40];
    int len = snprintf(text, sizeof text, "{\"newest\":%lu}", (unsigned long)newest);
    struct record r = ledger_cut(position, n);
    r.payload = slice_of(text, (size_t)len);
    record_put(dst, &r);
}

static int put_account(int fd, struct buf *out, const struct account *a, log_state *state, void *arg)
{
    struct buf payload = {0};
    state(arg, a->id, &payload);
    struct record r = {.kind = RECORD_SNAPSHOT,
                       .id = a->id,
                       .revision = a->committed,
                       .position = a->v[a->n - 1],
                       .payload = buf_slice(&payload)};
    bool fits = payload.len && payload.len <= RECORD_MAX_PAYLOAD;
    if (fits)
        record_put(out, &r);
    buf_wipe(&payload);
    errno = EMSGSIZE;
    if (!fits)
        return -1;
    if (out->len < CHUNK)
        return 0;
    int rc = io_write_all(fd, buf_p(out), out->len);
    buf_reset(out, (size_t)CHUNK * 2);
    return rc;
}

static int write_fresh(int fd, const struct ledger *l, struct buf *head, log_state *state, void *arg)
{
    struct buf out = *head;
    int rc = 0;
    for (size_t i = 0; i < l->n && rc == 0; i++)
        rc = put_account(fd, &out, l->v[i], state, arg);
    if (rc == 0)
        rc = io_write_all(fd, buf_p(&out), out.len);
    buf_wipe(&out);
    return rc == 0 ? fsync(fd) : -1;
}

int snapshot_write(int dir, const struct ledger *l, uint64_t position, uint32_t newest, log_state *state,
                   void *arg)
{
    struct buf head = {0};
    int fd = openat(dir, FRESH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    put_head(&head, position, l->n, newest);
    int rc = write_fresh(fd, l, &head, state, arg), why = errno;
    if (close(fd) != 0 && rc == 0)
        rc = -1, why = errno;
    if (rc == 0 && renameat(dir, FRESH, dir, SNAPSHOT_FILE) == 0)
        return fsync(dir);
    why = rc == 0 ? errno : why;
    (void)unlinkat(dir, FRESH, 0);
    errno = why;
    return -1;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static bool read_all(int fd, struct buf *dst)
{
    ssize_t n;
    do {
        n = io_read_some(fd, buf_room(dst, CHUNK), CHUNK);
        if (n > 0)
            buf_added(dst, (size_t)n);
    } while (n > 0);
    return n == 0;
}

static bool take(struct slice *rest, struct record *r)
{
    size_t len;
    if (record_read(*rest, r, &len) != RECORD_WHOLE)
        return false;
    *rest = slice_skip(*rest, len);
    return true;
}

static bool check(struct snapshot *s)
{
    struct slice rest = buf_slice(&s->bytes);
    struct record r;
    if (!take(&rest, &r) || r.kind != RECORD_CUT)
        return false;
    struct json head = {JSON_OBJECT, r.payload.p, r.payload.len};
    uint64_t want = r.revision, n = 0;
    s->position = r.position;
    if (json_int(json_get(head, S("newest")), &s->newest) != 0)
        return false;
    while (rest.len && take(&rest, &r) && r.kind == RECORD_SNAPSHOT)
        n++;
    return !rest.len && n == want;
}

bool snapshot_read(int dir, struct snapshot *s)
{
    *s = (struct snapshot){.position = 0};
    int fd = openat(dir, SNAPSHOT_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = read_all(fd, &s->bytes) && check(s);
    (void)close(fd);
    if (ok)
        return true;
    warn("cannot use '%s': it is damaged", SNAPSHOT_FILE);
    snapshot_free(s);
    return false;
}

bool snapshot_show(const struct snapshot *s, log_visit *visit, void *arg)
{
    struct slice rest = buf_slice(&s->bytes);
    struct record r;
    bool more = take(&rest, &r);
    while (more && rest.len && take(&rest, &r))
        more = visit(arg, &r);
    return more;
}

void snapshot_free(struct snapshot *s)
{
    buf_wipe(&s->bytes);
    *s = (struct snapshot){.position = 0};
}
