/* pending-settle.c: who gives ids keeps count of them. */
#include <stdio.h>
#include <stdlib.h>

#include "line/pending.h"
#include "tap.h"

#include "base/banned.h"

static struct pending p;

static struct slice id_of(const struct entry *e, const char *tail)
{
    static char text[2][512];
    static int turn;
    char id[PENDING_ID_SIZE];
    turn = !turn;
    pending_id(&p, e, id);
    snprintf(text[turn], sizeof text[turn], "%s%s", id, tail);
    return slice_str(text[turn]);
}

static struct entry *settle(const struct entry *e, const char *tail, int status)
{
    return pending_settle(&p, id_of(e, tail), status);
}

static struct entry *parts(const struct entry *e, const char *tail, size_t n)
{
    return pending_parts(&p, id_of(e, tail), n);
}

static struct entry *add(void)
{
    return pending_add(&p, NULL, NULL);
}

/* Is e complete with this status? Then it goes. */
static void is_complete(struct entry *got, struct entry *e, int status, const char *what)
{
    bool held = got == e && e->status == status && e->worst == line_class_of(status) && e->open == 0;
    if (!ok(held, "complete with %d: %s", status, what))
        printf("# %s entry, status %d, open %zu\n",
               got == e ? "this"
               : got    ? "another"
                        : "no",
               e->status, e->open);
    pending_remove(&p, e);
}

static void is_unknown(struct entry *got, uint64_t before, const char *what)
{
    ok(!got && p.unknown == before + 1, "ignored and counted: %s", what);
}

static void ids(void)
{
    char id[PENDING_ID_SIZE];
    struct pending other;
    pending_init(&other, "tag45678");
    int data;
    struct entry *e = pending_add(&p, &data, id);
    ok(e->data == &data && e->open == 1 && p.n == 1, "an entry is added");
    ok(strlen(p.prefix) == 7 && p.prefix[0] == 'a' && strlen(other.prefix) == 14,
       "prefix: tag and six characters");
    ok(strspn(p.prefix, "abcdefghijklmnopqrstuvwxyz0123456789") == 7, "of letters and digits");
    char want[PENDING_ID_SIZE];
    snprintf(want, sizeof want, "%s-1", p.prefix);
    is_slice(slice_str(id), slice_str(want), "the first id");
    ok(pending_owns(&p, slice_str(id)) && pending_owns(&p, id_of(e, "/1/2")), "ours");
    ok(!pending_owns(&other, slice_str(id)) && !pending_owns(&p, slice_str(p.prefix)) &&
           !pending_owns(&p, S("")) && !pending_owns(&p, S("x-1")),
       "not ours");
    e->counter = UINT64_MAX;
    is_int((long long)pending_id(&p, e, id), 7 + 1 + 20, "the longest id of this prefix");
    e->counter = 1;
    pending_remove(&p, e);
    pending_free(&other);
}

static void plain(void)
{
    struct entry *e = add();
    is_complete(settle(e, "", 204), e, 204, "accepted");
    e = add();
    is_complete(settle(e, "", 400), e, 400, "rejected");
    e = add();
    is_complete(settle(e, "", 408), e, 408, "to be redelivered");
    e = add();
    struct entry *done_e = settle(e, "", 200);
    uint64_t before = p.unknown;
    is_unknown(settle(e, "", 500), before, "settled twice, not yet removed");
    is_complete(done_e, e, 200, "the first one counts");
    char id[PENDING_ID_SIZE];
    e = pending_add(&p, NULL, id);
    is_complete(settle(e, "", 200), e, 200, "once more");
    before = p.unknown;
    is_unknown(pending_settle(&p, slice_str(id), 200), before, "settled after it was removed");
    is_unknown(pending_parts(&p, slice_str(id), 2), before + 1, "parts after it was removed");
}

static void strange_ids(void)
{
    static const char *const tails[] = {"/1", "/",  "//", "x",   " ",    "-1",
                                        "0",  "/0", "/x", "/-1", "/1/1", "/99999999999999999999"};
    struct entry *e = add();
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        is_unknown(settle(e, tails[i], 500), p.unknown, tails[i]);
    char odd[PENDING_ID_SIZE];
    snprintf(odd, sizeof odd, "%s-", p.prefix);
    is_unknown(pending_settle(&p, slice_str(odd), 500), p.unknown, "no counter");
    snprintf(odd, sizeof odd, "%s-0%llu", p.prefix, (unsigned long long)e->counter);
    is_unknown(pending_settle(&p, slice_str(odd), 500), p.unknown, "a leading zero");
    snprintf(odd, sizeof odd, "%s-99999999999999999999", p.prefix);
    is_unknown(pending_settle(&p, slice_str(odd), 500), p.unknown, "a counter beyond 64 bits");
    is_complete(settle(e, "", 200), e, 200, "untouched by all that");
}

static void with_parts(void)
{
    struct entry *e = add();
    ok(!parts(e, "", 3) && e->open == 3, "three parts are open");
    is_unknown(settle(e, "", 200), p.unknown, "the id itself once it has parts");
    is_unknown(parts(e, "", 2), p.unknown, "parts announced twice");
    ok(!settle(e, "/2", 200), "one settled");
    is_unknown(settle(e, "/2", 500), p.unknown, "the same part again");
    is_unknown(settle(e, "/4", 500), p.unknown, "a part that was not announced");
    is_unknown(settle(e, "/01", 500), p.unknown, "a leading zero");
    is_unknown(settle(e, "/1/", 500), p.unknown, "a slash too many");
    ok(!settle(e, "/3", 404), "another rejected");
    is_complete(settle(e, "/1", 200), e, 404, "the worst class");
    e = add();
    is_complete(parts(e, "", 0), e, 200, "no parts: accepted");
    e = add();
    ok(!parts(e, "", 2) && !settle(e, "/1", 503) && e->status == 503, "one to be redelivered");
    is_complete(settle(e, "/2", 400), e, 503, "redeliver is worse than reject");
    e = add();
    ok(!parts(e, "", 3) && !settle(e, "/1", 404) && !settle(e, "/2", 409), "two rejected");
    is_complete(settle(e, "/3", 200), e, 404, "the first status of the worst class");
}

static void nested(void)
{
    struct entry *e = add();
    ok(!parts(e, "", 2) && !parts(e, "/1", 2) && !parts(e, "/1/2", 3) && e->open == 5, "parts of parts");
    is_unknown(settle(e, "/1", 500), p.unknown, "a part that has parts");
    is_unknown(settle(e, "/1/2", 500), p.unknown, "and one of those");
    is_unknown(settle(e, "/2/1", 500), p.unknown, "below a leaf");
    is_unknown(settle(e, "/1/2/3/1", 500), p.unknown, "far below a leaf");
    ok(!settle(e, "/1/2/1", 200) && !settle(e, "/1/2/2", 200) && !settle(e, "/1/2/3", 200),
       "the innermost settled");
    is_unknown(settle(e, "/1/2/1", 500), p.unknown, "again, after its siblings are gone");
    is_unknown(parts(e, "/1/2", 1), p.unknown, "parts of what is settled");
    ok(!settle(e, "/2", 200), "the other branch");
    is_complete(settle(e, "/1/1", 201), e, 200, "the last leaf");
    e = add();
    ok(!parts(e, "", 1) && !parts(e, "/1", 1) && !parts(e, "/1/1", 1), "a chain");
    is_complete(parts(e, "/1/1/1", 0), e, 200, "that ends in nothing");
    e = add();
    ok(!parts(e, "", 2) && !parts(e, "/1", 0), "one branch ends in nothing");
    is_complete(settle(e, "/2", 400), e, 400, "the other decides");
}

static void deep(void)
{
    struct entry *e = add();
    char tail[256] = "";
    unsigned early = 0;
    for (int depth = 0; depth < 100; depth++) {
        early += parts(e, tail, 1) != NULL;
        snprintf(tail + 2 * depth, 3, "/1");
    }
    is_int(early, 0, "a hundred levels");
    is_complete(settle(e, tail, 400), e, 400, "of one leaf");
}

static void too_many(void)
{
    struct entry *e = add();
    char tail[32];
    unsigned early = 0;
    ok(!parts(e, "", 2000) && e->open == PENDING_MAX_LEAVES && e->worst == CLASS_REDELIVER,
       "2000 parts: 1024 are kept");
    is_unknown(settle(e, "/1025", 200), p.unknown, "a part beyond");
    ok(!parts(e, "/1", 2) && e->open == PENDING_MAX_LEAVES, "a leaf of a full entry gets one of two parts");
    is_unknown(settle(e, "/1/2", 200), p.unknown, "the other is not kept");
    early += settle(e, "/1/1", 200) != NULL;
    for (unsigned i = 2; i < PENDING_MAX_LEAVES; i++) {
        snprintf(tail, sizeof tail, "/%u", i);
        early += settle(e, tail, 200) != NULL;
    }
    is_int(early, 0, "not complete before the last");
    is_complete(settle(e, "/1024", 200), e, 503, "what was not kept is to be redelivered");
    e = add();
    ok(!parts(e, "", (size_t)-1) && e->open == PENDING_MAX_LEAVES, "as many parts as can be said");
    pending_remove(&p, e);
}

static void order(void)
{
    struct entry *a = add(), *b = add(), *c = add();
    ok(p.oldest == a && a->newer == b && b->newer == c && !c->newer && p.newest == c, "oldest to newest");
    ok(c->older == b && b->older == a && !a->older, "and back");
    pending_remove(&p, b);
    ok(a->newer == c && c->older == a, "without the middle one");
    pending_remove(&p, a);
    ok(p.oldest == c && !c->older, "without the oldest");
    pending_remove(&p, c);
    ok(!p.oldest && !p.newest && p.n == 0, "empty");
}

/* A model beside the real thing: random parts and settlements, the answers counted by hand. */
enum { MODEL_ENTRIES = 700, MODEL_STEPS = 200000, MODEL_PARTS = 40 };

static uint64_t state = 77;

static size_t below(size_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)((state >> 11) % n);
}

struct model {
    struct entry *e;
    size_t n, open;                                           /* parts; 0: none announced */
    bool settled[MODEL_PARTS + 1], expanded[MODEL_PARTS + 1]; /* expanded: into one part below */
    enum line_class worst;
};

static unsigned model_step(struct model *m)
{
    static const int statuses[] = {200, 204, 400, 404, 408, 503};
    int status = statuses[below(6)];
    char tail[32] = "";
    if (!m->e) {
        *m = (struct model){.e = add(), .open = 1};
        return 0;
    }
    if (m->n == 0 && below(2)) {
        m->n = m->open = below(MODEL_PARTS) + 1;
        return parts(m->e, "", m->n) != NULL;
    }
    size_t i = m->n ? below(m->n) + 1 : 0;
    if (i)
        snprintf(tail, sizeof tail, "/%zu%s", i, m->expanded[i] ? "/1" : "");
    if (i && !m->settled[i] && !m->expanded[i] && below(3) == 0) {
        m->expanded[i] = true;
        return parts(m->e, tail, 1) != NULL;
    }
    uint64_t before = p.unknown;
    struct entry *got = settle(m->e, tail, status);
    if (m->settled[i])
        return got || p.unknown != before + 1;
    m->settled[i] = true;
    m->worst = line_class_of(status) > m->worst ? line_class_of(status) : m->worst;
    if (--m->open)
        return got || p.unknown != before;
    unsigned wrong = got != m->e || got->worst != m->worst || line_class_of(got->status) != m->worst;
    pending_remove(&p, m->e);
    m->e = NULL;
    return wrong;
}

static void against_model(void)
{
    static struct model models[MODEL_ENTRIES];
    unsigned wrong = 0;
    for (size_t i = 0; i < MODEL_STEPS; i++)
        wrong += model_step(&models[below(MODEL_ENTRIES)]);
    is_int(wrong, 0, "%d random steps agree with a model", MODEL_STEPS);
    size_t n = 0;
    for (size_t i = 0; i < MODEL_ENTRIES; i++)
        n += models[i].e != NULL;
    is_int((long long)p.n, (long long)n, "so does the number of entries");
}

static void statuses(void)
{
    static const struct {
        const char *line;
        int status;
    } rows[] = {{"{\"id\":\"a\",\"status\":204}", 204},   {"{\"id\":\"a\",\"status\":204.0}", 204},
                {"{\"id\":\"a\",\"status\":100}", 100},   {"{\"id\":\"a\",\"status\":599}", 599},
                {"{\"id\":\"a\",\"status\":99}", 500},    {"{\"id\":\"a\",\"status\":600}", 500},
                {"{\"id\":\"a\",\"status\":-200}", 500},  {"{\"id\":\"a\",\"status\":\"200\"}", 500},
                {"{\"id\":\"a\",\"status\":200.5}", 500}, {"{\"id\":\"a\",\"status\":1e400}", 500}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct line l;
        line_read(slice_str(rows[i].line), &l, NULL);
        is_int(pending_status_of(&l), rows[i].status, "status of %s", rows[i].line);
    }
}

int main(void)
{
    pending_init(&p, "a");
    ids();
    plain();
    strange_ids();
    with_parts();
    nested();
    deep();
    too_many();
    order();
    against_model();
    statuses();
    pending_free(&p); /* with entries in it */
    return done();
}
