/* The event log: records, the contract of log.h for each backend, and what an event file can suffer. */
#include <errno.h>
#include <fcntl.h>
#include <gdbm.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/carve.h"
#include "store/crc32c.h"
#include "store/log.h"

#include "tap.h"

#include "base/banned.h"

static char dir[] = "/tmp/store-log.XXXXXX";

static const char *path_of(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void clear(void)
{
    static const char *const names[] = {"events.gdbm",     "events.gdbm.bak", "events.clean",  "events.lock",
                                        "events.snapshot", "events.gdbm.new", "events.durable"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlink(path_of(names[i]));
}

/* --- records ---------------------------------------------------------------------------------------------------- */

static void records(void)
{
    struct buf b = {0};
    struct record in = {RECORD_EVENT, S("c:1"), 3, 17, 15, 1700000000123, S("{\"a\":1}")}, out;
    size_t len;
    is_int(crc32c(S("123456789")), 0xe3069283, "CRC-32C of RFC 3720");
    is_int(crc32c(S("")), 0, "CRC-32C of nothing");
    record_put(&b, &in);
    is_int(record_read(buf_slice(&b), &out, &len), RECORD_WHOLE, "a record is read back");
    ok(len == b.len && out.kind == in.kind && out.revision == 3 && out.position == 17 && out.durable == 15 &&
           out.time == in.time && slice_eq(out.id, in.id) && slice_eq(out.payload, in.payload),
       "as it was");
    is_int(record_read(slice_of(buf_p(&b), b.len - 1), &out, &len), RECORD_SHORT, "a byte less is short");
    is_int(record_read(slice_of(buf_p(&b), 20), &out, &len), RECORD_SHORT, "half a head is short");
    is_int(record_read(S("DEv2"), &out, &len), RECORD_FOREIGN, "another magic is foreign");
    int bad = 0;
    for (size_t i = 4; i < b.len; i++) {
        buf_p(&b)[i] ^= 1;
        bad += record_read(buf_slice(&b), &out, &len) == RECORD_WHOLE;
        buf_p(&b)[i] ^= 1;
    }
    is_int(bad, 0, "no flipped bit goes unseen");
    buf_free(&b);
}

/* --- the contract ----------------------------------------------------------------------------------------------- */

struct seen {
    struct buf text; /* "<id>@<revision>/<position> " for each */
    size_t n, stop;
};

static bool see(void *arg, const struct record *r)
{
    struct seen *s = arg;
    buf_printf(&s->text, "%.*s@%d/%d%s ", SLICE_ARG(r->id), (int)r->revision, (int)r->position,
               r->kind == RECORD_SNAPSHOT ? "s" : "");
    return ++s->n != s->stop;
}

static void saw(struct seen *s, const char *want, const char *what)
{
    is_slice(buf_slice(&s->text), slice_str(want), "%s", what);
    buf_free(&s->text);
    *s = (struct seen){0};
}

static int add(struct event_log *log, const char *id, uint64_t expected)
{
    struct record r = {.kind = RECORD_EVENT, .id = slice_str(id), .payload = S("{}")};
    return log->backend->append(log, &r, expected);
}

static void state_of(void *arg, struct slice id, struct buf *payload)
{
    (void)arg, (void)id;
    buf_puts(payload, "{}");
}

static int put(struct event_log *log, enum record_kind kind, const char *id, uint64_t revision,
               uint64_t position)
{
    struct record r = {
        .kind = kind, .id = slice_str(id), .revision = revision, .position = position, .payload = S("{}")};
    return log->backend->rewrite_put(log, &r);
}

/* a@1/1 b@1/2 a@2/3 b@2/4 a@3/5, cut at 3. */
static void rewriting(struct event_log *log)
{
    const struct log_backend *b = log->backend;
    struct seen seen = {0};
    struct log_health h;
    ok(b->rewrite_begin(log, 3, 2) == 0 && put(log, RECORD_SNAPSHOT, "a", 2, 3) == 0 &&
           put(log, RECORD_SNAPSHOT, "b", 1, 2) == 0 && put(log, RECORD_EVENT, "b", 2, 4) == 0,
       "a log is written anew");
    ok(b->rewrite_end(log) == -1 && errno == EINVAL, "it has to be complete");
    ok(put(log, RECORD_EVENT, "a", 3, 5) == -1, "or it is abandoned");
    ok(b->rewrite_begin(log, 3, 2) == 0 && put(log, RECORD_SNAPSHOT, "a", 2, 3) == 0 &&
           put(log, RECORD_SNAPSHOT, "b", 1, 2) == 0 && put(log, RECORD_EVENT, "b", 2, 4) == 0,
       "again");
    ok(put(log, RECORD_EVENT, "a", 4, 5) == -1 && errno == EINVAL, "revisions have no gaps");
    ok(b->rewrite_begin(log, 3, 2) == 0 && put(log, RECORD_SNAPSHOT, "a", 2, 3) == 0 &&
           put(log, RECORD_SNAPSHOT, "b", 1, 2) == 0 && put(log, RECORD_EVENT, "b", 2, 4) == 0 &&
           put(log, RECORD_EVENT, "a", 3, 5) == 0,
       "and again");
    ok(add(log, "a", 3) == 0 && b->commit(log) == 0 && put(log, RECORD_EVENT, "a", 4, 6) == 0,
       "events are taken meanwhile");
    is_int(b->rewrite_end(log), 0, "it takes the place of the old one");
    b->read(log, 0, see, &seen);
    saw(&seen, "b@1/2s a@2/3s b@2/4 a@3/5 a@4/6 ", "bases, then events");
    b->read(log, 2, see, &seen);
    saw(&seen, "a@2/3s b@2/4 a@3/5 a@4/6 ", "from within the bases");
    b->read_id(log, S("b"), 0, see, &seen);
    saw(&seen, "b@1/2s b@2/4 ", "one id begins with its base");
    b->health(log, &h);
    ok(h.position == 6 && h.cut == 3 && h.bases == 2, "health knows where the log begins");
    ok(add(log, "b", 2) == 0 && b->commit(log) == 0, "and on it goes");
}

static void contract(const struct log_backend *b, bool durable)
{
    struct log_error err;
    struct seen seen = {0};
    clear();
    struct event_log *log = b->open(dir, LOG_WRITE, see, &seen, &err);
    saw(&seen, "", "a new log is empty");
    ok(add(log, "a", 0) == 0 && add(log, "b", 0) == 0 && add(log, "a", 1) == 0, "append");
    ok(add(log, "a", 1) == -1 && errno == ESTALE,
       "append expects the newest revision, uncommitted ones included");
    ok(add(log, "c", 4) == -1 && errno == ESTALE, "an id that is new has none");
    b->read(log, 0, see, &seen);
    saw(&seen, "", "nothing is shown before the commit");
    is_int(b->commit(log), 0, "commit");
    b->read(log, 0, see, &seen);
    saw(&seen, "a@1/1 b@1/2 a@2/3 ", "then all is shown, in order");
    ok(add(log, "b", 1) == 0 && add(log, "d", 0) == 0, "append more");
    b->discard(log);
    ok(add(log, "b", 1) == 0 && add(log, "a", 2) == 0 && b->commit(log) == 0,
       "what was discarded leaves no gap");
    b->read(log, 2, see, &seen);
    saw(&seen, "a@2/3 b@2/4 a@3/5 ", "read from a position");
    b->read_id(log, S("a"), 2, see, &seen);
    saw(&seen, "a@2/3 a@3/5 ", "read one id from a revision");
    b->read_id(log, S("z"), 0, see, &seen);
    saw(&seen, "", "read an id that is not there");
    seen.stop = 2;
    b->read(log, 0, see, &seen);
    saw(&seen, "a@1/1 b@1/2 ", "a visitor may stop");
    rewriting(log);
    is_int(b->snapshot(log, state_of, NULL), 0, "a snapshot");
    is_int(b->close(log), 0, "close");
    if (!durable)
        return;
    log = b->open(dir, LOG_CHECK, see, &seen, &err);
    saw(&seen, "a@4/6s b@3/7s ", "a new process need not replay what came before the snapshot");
    b->read(log, 0, see, &seen);
    saw(&seen, "b@1/2s a@2/3s b@2/4 a@3/5 a@4/6 b@3/7 ", "but all is there");
    ok(add(log, "a", 4) == -1 && errno == EROFS, "checking takes no events");
    b->close(log);
    (void)unlink(path_of("events.clean"));
    log = b->open(dir, LOG_WRITE, see, &seen, &err);
    saw(&seen, "a@4/6s b@3/7s ", "nor after a kill");
    ok(log && add(log, "a", 4) == 0 && b->commit(log) == 0, "an event after the snapshot");
    b->close(log);
    log = b->open(dir, LOG_WRITE, see, &seen, &err);
    saw(&seen, "a@4/6s b@3/7s a@5/8 ", "is replayed behind it");
    b->close(log);
    (void)unlink(path_of("events.snapshot"));
    (void)unlink(path_of("events.clean"));
    log = b->open(dir, LOG_WRITE, see, &seen, &err);
    saw(&seen, "b@1/2s a@2/3s b@2/4 a@3/5 a@4/6 b@3/7 a@5/8 ", "without it everything is");
    b->close(log);
}

/* --- files that suffered ---------------------------------------------------------------------------------------- */

/* A log of n events of "x" after a clean end, or, without the mark, after a kill. */
static void make_log(int n, bool clean)
{
    struct log_error err;
    clear();
    struct event_log *log = log_gdbm.open(dir, LOG_WRITE, NULL, NULL, &err);
    for (int i = 0; i < n; i++) {
        (void)add(log, "x", (uint64_t)i);
        (void)log_gdbm.commit(log);
    }
    log_gdbm.close(log);
    if (!clean)
        (void)unlink(path_of("events.clean"));
}

/* Where the record at a position starts in events.gdbm. */
static off_t find_record(uint64_t position)
{
    struct carve c;
    struct log_error err;
    off_t at = -1;
    if (carve_scan(&c, open(path_of("events.gdbm"), O_RDONLY), &err) == 0)
        for (size_t i = 0; i < c.n; i++)
            if (c.v[i].position == position)
                at = (off_t)c.v[i].offset;
    carve_free(&c);
    return at;
}

static void overwrite(off_t at, const char *bytes, size_t n)
{
    int fd = open(path_of("events.gdbm"), O_WRONLY);
    if (fd < 0 || pwrite(fd, bytes, n, at) != (ssize_t)n || close(fd) != 0)
        ok(false, "cannot overwrite");
}

static void opens(const char *want, const char *what)
{
    struct log_error err;
    struct seen seen = {0};
    struct event_log *log = log_gdbm.open(dir, LOG_WRITE, see, &seen, &err);
    ok(log != NULL, "%s: opens", what);
    saw(&seen, want, what);
    if (log)
        log_gdbm.close(log);
}

static void refuses(int exit_code, const char *want, const char *what)
{
    struct log_error err = {0};
    struct seen seen = {0};
    struct event_log *log = log_gdbm.open(dir, LOG_WRITE, see, &seen, &err);
    ok(!log && err.exit_code == exit_code, "%s: does not open", what);
    is_slice(slice_str(err.text), slice_str(want), "%s: and says why", what);
    buf_free(&seen.text);
    if (log)
        log_gdbm.close(log);
}

static void suffering(void)
{
    char text[160];
    make_log(3, false);
    opens("x@1/1 x@2/2 x@3/3 ", "after a kill");
    ok(access(path_of("events.gdbm.bak"), F_OK) == 0, "the old file is kept");
    opens("x@1/1 x@2/2 x@3/3 ", "after a repair and a clean end");

    make_log(3, false);
    off_t at = find_record(3);
    overwrite(at + RECORD_HEAD, "#", 1);
    (void)snprintf(text, sizeof text, "record 3 of 3 is damaged (at byte %jd)", (intmax_t)at);
    refuses(EXIT_PERMANENT, text, "a damaged last record after a kill, which was confirmed");
    (void)unlink(path_of("events.durable"));
    opens("x@1/1 x@2/2 ", "the same when nothing says that it was");

    make_log(3, true);
    at = find_record(3);
    overwrite(at + RECORD_HEAD, "#", 1);
    (void)snprintf(text, sizeof text, "record 3 of 3 is damaged (at byte %jd)", (intmax_t)at);
    refuses(EXIT_PERMANENT, text, "the same after a clean end");
    refuses(EXIT_PERMANENT, text, "and again");

    make_log(4, false);
    overwrite(find_record(2), "none", 4);
    refuses(EXIT_PERMANENT, "record 2 of 4 is missing", "a gap before confirmed records");

    make_log(3, true);
    overwrite(0, "nothing of gdbm", 15);
    opens("x@1/1 x@2/2 x@3/3 ", "gdbm's own header is of no importance");

    make_log(3, true);
    if (truncate(path_of("events.gdbm"), find_record(3) + 10) != 0)
        ok(false, "cannot truncate");
    (void)snprintf(text, sizeof text, "record 3 of 3 is %s", "missing");
    refuses(EXIT_PERMANENT, text, "a file that lost its end");

    make_log(1, true);
    if (truncate(path_of("events.gdbm"), 0) != 0)
        ok(false, "cannot truncate");
    refuses(EXIT_PERMANENT, "it is empty, but 1 records were confirmed", "an empty file");

    make_log(1, true);
    (void)unlink(path_of("events.gdbm"));
    refuses(EXIT_PERMANENT, "it is missing, but 'events.clean' is there", "a file that was moved away");
    (void)unlink(path_of("events.clean"));
    refuses(EXIT_PERMANENT, "it is missing, but 'events.durable' is there", "the same after a kill");
}

/* A database that is not ours is not taken for a log without records. */
static void foreign(void)
{
    clear();
    GDBM_FILE db = gdbm_open((char *)path_of("events.gdbm"), 0, GDBM_NEWDB, 0600, NULL);
    ok(db && gdbm_store(db, (datum){"k", 1}, (datum){"v", 1}, GDBM_INSERT) == 0 && gdbm_close(db) == 0,
       "somebody else's database");
    refuses(EXIT_PERMANENT, "it is no event file", "somebody else's database");
    clear();
    db = gdbm_open((char *)path_of("events.gdbm"), 0, GDBM_NEWDB, 0600, NULL);
    ok(db && gdbm_close(db) == 0, "killed before the first record");
    opens("", "killed before the first record");
}

/* A later format: known as such, whatever else it holds. */
static void newer(void)
{
    struct buf b = {0};
    struct record r = {RECORD_EVENT, S("x"), 1, 1, 0, 0, S("{}")};
    make_log(1, false);
    off_t at = find_record(1);
    record_put(&b, &r);
    buf_p(&b)[8] = 2;
    uint32_t crc = crc32c(slice_of(buf_p(&b) + 8, b.len - 8));
    for (int i = 0; i < 4; i++)
        buf_p(&b)[4 + i] = (char)(crc >> 8 * i & 0xff);
    overwrite(at, buf_p(&b), b.len);
    refuses(EXIT_PERMANENT, "it holds records of a newer format than 1", "a newer format");
    buf_free(&b);
}

static void one_owner(void)
{
    struct log_error err;
    make_log(1, true);
    struct event_log *log = log_gdbm.open(dir, LOG_WRITE, NULL, NULL, &err);
    refuses(EXIT_TEMPORARY, "it is in use by another process", "a second owner");
    log_gdbm.close(log);
}

int main(void)
{
    log_init("store-log", NULL);
    if (!mkdtemp(dir))
        die_sys(EXIT_TEMPORARY, "cannot make a folder");
    records();
    contract(&log_memory, false);
    contract(&log_gdbm, true);
    suffering();
    foreign();
    newer();
    one_owner();
    clear();
    (void)rmdir(dir);
    return done();
}
