/* The journal of the twins: what is there after it was compacted, in steps, while changes go on; what is recent; what is taken
 * back. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "tap.h"
#include "twin/twin.h"

#include "base/banned.h"

static struct twin twin;
static struct buf out;

static void begin(const struct log_backend *backend, const char *dir, int64_t recent_ms)
{
    struct log_error err;
    memset(&twin, 0, sizeof twin);
    twin.max_thing = twin.max_policy = 100000;
    if (journal_open(&twin.journal, backend, dir, recent_ms, &err) < 0)
        die(EXIT_BUG, "%s", err.text);
    twin.journal.trusting = true;
    twin_init(&twin);
}

static void end(void)
{
    is_int(journal_close(&twin.journal), 0, "the log is closed in order");
    twin_free(&twin);
}

static void take(const char *action, unsigned thing, const char *path, long value)
{
    struct buf line = {0};
    buf_printf(
        &line,
        "{\"topic\":\"u/t%u/things/twin/commands/%s\",\"headers\":{\"correlation-id\":\"%ld\"},\"path\":\"%s\"",
        thing, action, value, path);
    if (value >= 0)
        buf_printf(&line, path[1] ? ",\"value\":%ld" : ",\"value\":{\"attributes\":{\"n\":%ld}}", value);
    buf_putc(&line, '}');
    twin_take(&twin, buf_slice(&line), &out);
    buf_free(&line);
}

static bool commit(void)
{
    bool kept = journal_commit(&twin.journal);
    journal_written(&twin.journal);
    buf_reset(&out, 65536);
    return kept;
}

enum { THINGS = 50, ROUNDS = 40, CHANGES = THINGS * ROUNDS };

static long newest(unsigned thing, int64_t *revision)
{
    struct buf id = {0};
    int64_t n = -1;
    buf_printf(&id, "u:t%u", thing);
    const struct entity *e = entities_find(&twin.journal.entities, KIND_THING, buf_slice(&id));
    *revision = e ? e->now.revision : 0;
    (void)json_int(json_pointer(entity_json(e), S("/attributes/n")), &n);
    buf_free(&id);
    return (long)n;
}

/* Thing t was last set to (ROUNDS - 1) * THINGS + t; the last one was deleted. */
static void check(const char *when)
{
    unsigned wrong = 0;
    for (unsigned t = 0; t < THINGS; t++) {
        int64_t revision;
        long n = newest(t, &revision), want = t == THINGS - 1 ? -1 : (long)(ROUNDS - 1) * THINGS + t;
        wrong += n != want || revision != ROUNDS + (t == THINGS - 1);
    }
    is_int(wrong, 0, "%s: every thing is what it was, at its revision", when);
}

static void change_all(unsigned from, unsigned to, unsigned *steps)
{
    for (unsigned r = from; r < to; r++) {
        for (unsigned t = 0; t < THINGS; t++)
            take(r ? "modify" : "create", t, r ? "/attributes/n" : "/", (long)r * THINGS + t);
        if (!commit())
            die(EXIT_BUG, "cannot commit");
        *steps += journal_compact(&twin.journal);
    }
}

static void compacts(const struct log_backend *backend, const char *dir)
{
    unsigned steps = 0;
    struct log_health h;
    begin(backend, dir, -1); /* nothing is recent once it is published */
    twin.journal.compact_bytes = 1;
    change_all(0, ROUNDS, &steps);
    take("delete", THINGS - 1, "/", -1);
    commit();
    for (int i = 0; i < 2; i++) { /* the one that is under way, and another one */
        while (journal_compact(&twin.journal))
            steps++;
        twin.journal.log_bytes = 1000000000;
        twin.journal.rewrite.copied = 0;
    }
    backend->health(twin.journal.log, &h);
    ok(steps > 10 && h.cut > CHANGES / 2, "%s: it was compacted while changes went on, up to %llu of %llu",
       backend->name, (unsigned long long)h.cut, (unsigned long long)h.position);
    ok(h.bases <= THINGS + 1, "%s: a base for each bucket at most", backend->name);
    check(backend->name);
    end();
}

static void is_there_again(const char *dir)
{
    char path[4200];
    begin(&log_gdbm, dir, 60000);
    check("after the next start");
    end();
    snprintf(path, sizeof path, "%s/events.snapshot", dir);
    unlink(path);
    begin(&log_gdbm, dir, 60000);
    check("without snapshot");
    end();
    snprintf(path, sizeof path, "%s/events.clean", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/events.snapshot", dir);
    unlink(path);
    begin(&log_gdbm, dir, 60000);
    check("as after a crash");
    end();
}

/* With a tail of recent changes, which the snapshots have seen already. */
static void keeps_what_is_recent(const char *dir)
{
    unsigned steps = 0;
    struct log_health h;
    begin(&log_gdbm, dir, 60000);
    change_all(0, 2, &steps);
    twin.journal.recent_ms = -1;
    take("modify", 0, "/attributes/n", 5000);
    commit();
    twin.journal.recent_ms = 60000;
    twin.journal.compact_bytes = 1;
    for (long i = 0; i < 30; i++) {
        take("modify", (unsigned)i % 7, "/attributes/n", 6000 + i);
        commit();
        twin.journal.log_bytes = 1000000000;
        twin.journal.rewrite.copied = 0;
        steps += journal_compact(&twin.journal);
    }
    while (twin.journal.rewrite.active && journal_compact(&twin.journal))
        steps++;
    log_gdbm.health(twin.journal.log, &h);
    ok(h.cut > 0 && h.cut < h.position, "there is a tail behind the cut");
    end();
    unlink("events.snapshot");
    begin(&log_gdbm, dir, 60000);
    int64_t revision;
    is_int(newest(1, &revision), 6029, "the newest value of a thing of the tail");
    is_int(revision, 2 + 5, "its revision");
    take("modify", 1, "/attributes/n", 6029);
    commit();
    is_int(newest(1, &revision), 6029, "a repeated command");
    is_int(revision, 2 + 5, "does nothing");
    end();
}

static void takes_back(void)
{
    int64_t revision;
    begin(&log_memory, "", 60000);
    take("create", 1, "/", 7);
    commit();
    take("modify", 1, "/attributes/n", 8);
    take("create", 2, "/", 9);
    is_int(newest(1, &revision), 8, "a change is seen before it is committed");
    journal_discard(&twin.journal);
    is_int(newest(1, &revision), 7, "and taken back");
    is_int(revision, 1, "with its revision");
    is_int(newest(2, &revision), -1, "what was made is gone");
    is_int((long long)twin.journal.n, 1, "no command of it is remembered");
    take("modify", 1, "/attributes/n", 8);
    ok(commit(), "the same again is kept");
    is_int(newest(1, &revision), 8, "and seen");
    is_int(revision, 2, "once");
    end();
}

int main(void)
{
    char one[] = "/tmp/twin-journal.XXXXXX", two[] = "/tmp/twin-journal.XXXXXX", command[200];
    if (!mkdtemp(one) || !mkdtemp(two))
        return 111;
    log_init("twin-journal", NULL);
    compacts(&log_memory, "");
    compacts(&log_gdbm, one);
    is_there_again(one);
    keeps_what_is_recent(two);
    takes_back();
    buf_free(&out);
    snprintf(command, sizeof command, "rm -rf %s %s", one, two);
    if (system(command) != 0)
        return 111;
    return done();
}
