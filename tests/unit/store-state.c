/* State, followers, history and compaction, over the log that is gone with its process. */
#include <stdlib.h>

#include "base/log.h"
#include "store/followers.h"
#include "store/rewrite.h"

#include "tap.h"

#include "base/banned.h"

static void put_doc(struct buf *b, const char *id, const char *name, size_t padding)
{
    buf_reset(b, 0);
    buf_printf(b, "{\"id\":\"%s\",\"name\":\"%s\",\"connectionStatus\":\"open\",\"pad\":\"", id, name);
    for (size_t i = 0; i < padding; i++)
        buf_putc(b, 'x');
    buf_puts(b, "\"}");
}

static int append(struct store *s, enum event_type type, const char *id, const char *name, size_t padding)
{
    struct ditto_error err = {0};
    struct buf doc = {0};
    if (name)
        put_doc(&doc, id, name, padding);
    int rc = store_append(s, type, slice_str(id), name ? buf_slice(&doc) : SLICE_NONE, &err);
    buf_free(&doc);
    return rc;
}

static const struct held *held(const struct store *s, const char *id)
{
    return state_find(&s->state, slice_str(id));
}

static void undoing(struct store *s)
{
    append(s, EVENT_CREATED, "a", "one", 0);
    store_commit(s);
    append(s, EVENT_CLOSED, "a", NULL, 0);
    append(s, EVENT_CREATED, "b", "two", 0);
    append(s, EVENT_DELETED, "a", NULL, 0);
    append(s, EVENT_CREATED, "a", "again", 0);
    is_int((long long)held(s, "a")->revision, 4, "changes show at once");
    s->log->backend->discard(s->log);
    state_undo(&s->state);
    ok(held(s, "a")->revision == 1 && held_open(held(s, "a")) && !held(s, "a")->deleted,
       "and are taken back");
    ok(!held(s, "b"), "all of them");
    s->refusing = 28;
    ok(append(s, EVENT_CREATED, "b", "two", 0) == -1 && !held(s, "b"), "a refused event changes nothing");
    s->refusing = 0;
    append(s, EVENT_DELETED, "a", NULL, 0);
    append(s, EVENT_CREATED, "a", "again", 0);
    store_commit(s);
    is_int((long long)held(s, "a")->revision, 3, "a connection that is created again goes on counting");
}

static void snapshots(const struct store *s)
{
    struct state copy = {0};
    struct buf payload = {0};
    const struct held *a = held(s, "a"), *b;
    held_put_snapshot(&payload, a, "");
    struct record r = {RECORD_SNAPSHOT, a->id, a->revision, 9, 0, 0, buf_slice(&payload)};
    state_apply(&copy, &r);
    b = state_find(&copy, S("a"));
    ok(b && b->revision == a->revision && b->entity_revision == a->entity_revision &&
           b->created == a->created && b->modified == a->modified && !b->deleted,
       "a snapshot makes the same state");
    is_slice(b->doc, a->doc, "with the same document");
    state_free(&copy);
    buf_free(&payload);
}

/* --- a follower that gets its state in pieces ------------------------------------------------------------------- */

enum { MANY = 40, BIG = 20000 };

struct view { /* what a follower knows of MANY connections */
    int64_t revision[MANY];
    bool there[MANY], backwards, live;
};

static void learn(struct view *v, struct json line)
{
    struct json state = json_get(line, S("state")), event = json_get(line, S("signal"));
    struct slice id = json_raw(json_present(state) ? json_pointer(state, S("/connection/id"))
                                                   : json_get(event, S("connectionId")));
    int64_t revision;
    v->live |= json_present(json_get(line, S("live")));
    if (!slice_starts(id, S("c")) ||
        json_int(json_get(json_present(state) ? state : event, S("revision")), &revision) != 0)
        return;
    int i = (id.p[1] - '0') * 10 + id.p[2] - '0';
    v->backwards |= revision <= v->revision[i];
    v->revision[i] = revision;
    v->there[i] = !json_text_is(json_get(event, S("type")), S("connectivity.events:connectionDeleted"));
}

static void read_lines(struct view *v, struct buf *out)
{
    struct slice rest = buf_slice(out), text;
    struct json line;
    struct json_error err;
    while (rest.len) {
        text = slice_cut(&rest, '\n');
        if (json_parse(text, &line, &err) == 0)
            learn(v, line);
        else
            ok(false, "a line of a follower is no JSON");
    }
    buf_reset(out, 0);
}

static void name_of(char *id, int i)
{
    (void)snprintf(id, 8, "c%02d", i);
}

static void following(struct store *s)
{
    struct follower f = {0};
    struct ditto_error err = {0};
    struct json request = {JSON_OBJECT, "{}", 2};
    struct buf out = {0};
    struct view v = {0};
    char id[8];
    for (int i = 0; i < MANY; i++) {
        name_of(id, i);
        append(s, EVENT_CREATED, id, "first", BIG);
    }
    store_commit(s);
    follower_start(&f, s, request, true, &err);
    int rounds = 0, wrong = 0;
    for (; !v.live && rounds < MANY; rounds++) {
        follower_feed(&f, s, &out, &err);
        read_lines(&v, &out);
        name_of(id, rounds);
        append(s, EVENT_MODIFIED, id, "second", BIG);
        name_of(id, MANY - 1 - rounds);
        append(s, rounds % 2 ? EVENT_DELETED : EVENT_CLOSED, id, NULL, 0);
        store_commit(s);
    }
    ok(rounds > 2, "a large state comes in pieces");
    follower_feed(&f, s, &out, &err);
    read_lines(&v, &out);
    for (int i = 0; i < MANY; i++) {
        name_of(id, i);
        const struct held *h = held(s, id);
        wrong += v.there[i] != !h->deleted || (v.there[i] && v.revision[i] != (int64_t)h->revision);
    }
    is_int(wrong, 0, "what happens meanwhile is in it or comes after it");
    ok(!v.backwards, "and no revision comes twice or after a later one");
    follower_free(&f);
    buf_free(&out);
}

/* --- the past --------------------------------------------------------------------------------------------------- */

static const struct held *at_revision(const struct store *s, const char *id, uint64_t revision,
                                      struct state *past)
{
    struct ditto_error err = {0};
    const struct held *h;
    return store_at(s, slice_str(id), revision, 0, past, &h, &err) == 0 ? h : NULL;
}

static bool was(const struct store *s, const char *id, uint64_t revision, const char *name, bool open)
{
    struct state past;
    const struct held *h = at_revision(s, id, revision, &past);
    bool yes = h && json_text_is(json_get(held_doc(h), S("name")), slice_str(name)) && held_open(h) == open;
    if (h)
        state_free(&past);
    return yes;
}

static void finish(struct rewrite *w)
{
    int rc;
    do
        rc = rewrite_step(w);
    while (rc > 0);
    is_int(rc, 0, "a rewrite comes to its end");
}

static void going_back(struct store *s)
{
    struct rewrite w = {0};
    append(s, EVENT_CREATED, "h", "one", 0);
    append(s, EVENT_CLOSED, "h", NULL, 0);
    append(s, EVENT_MODIFIED, "h", "two", 0);
    store_commit(s);
    ok(was(s, "h", 1, "one", true) && was(s, "h", 2, "one", false) && was(s, "h", 3, "two", true),
       "a connection as it was");
    ok(!was(s, "h", 4, "two", true) && !was(s, "g", 1, "", true), "but not as it will be, or never was");
    uint64_t head = store_position(s);
    rewrite_start(&w, s, 0);
    finish(&w);
    is_int((long long)store_cut(s), 0, "without anything old nothing is done");
    rewrite_start(&w, s, INT64_MAX);
    finish(&w);
    ok(store_cut(s) == head && w.dropped > 0, "all is old");
    ok(!was(s, "h", 2, "one", false) && was(s, "h", 3, "two", true), "history begins with the base");
    append(s, EVENT_CLOSED, "h", NULL, 0);
    store_commit(s);
    ok(was(s, "h", 3, "two", true) && was(s, "h", 4, "two", false), "and goes on from it");
    rewrite_start(&w, s, INT64_MAX);
    (void)rewrite_step(&w);
    append(s, EVENT_DELETED, "h", NULL, 0);
    store_commit(s);
    finish(&w);
    append(s, EVENT_CREATED, "h", "three", 0);
    store_commit(s);
    is_int((long long)held(s, "h")->revision, 6, "what is deleted goes on counting");
    rewrite_stop(&w);
}

int main(void)
{
    struct store s;
    struct log_error err;
    log_init("store-state", NULL);
    if (store_open(&s, &log_memory, NULL, LOG_WRITE, NULL, &err) != 0)
        return EXIT_BUG;
    undoing(&s);
    snapshots(&s);
    following(&s);
    going_back(&s);
    store_close(&s);
    return done();
}
