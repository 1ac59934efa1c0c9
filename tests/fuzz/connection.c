/* connection: a document is judged, printed, masked and migrated. */
#include "connection/connection.h"

#include "connection/hono.h"
#include "connection/legacy.h"
#include "fuzz.h"

static bool same(const struct buf *a, const struct buf *b)
{
    return slice_eq(buf_slice(a), buf_slice(b));
}

/* What is masked once has nothing left to mask. */
static void mask(struct json v)
{
    struct buf once = {0}, twice = {0};
    connection_put_masked(&once, v);
    connection_put_masked(&twice, fuzz_json(&once, v.type));
    PROMISE(same(&once, &twice));
    buf_cut(&twice, 0);
    connection_put_without_credentials(&twice, v);
    connection_put_masked(&once, fuzz_json(&twice, v.type));
    buf_free(&once);
    buf_free(&twice);
}

static void migrate(struct json v)
{
    struct buf once = {0};
    connection_put_migrated(&once, v);
    (void)fuzz_json(&once, v.type);
    buf_free(&once);
}

/* The effective document is valid, means the same, and is valid without its secrets, too. */
static void use(const struct connection *c)
{
    static const struct hono_settings hono = {"tcp://h:1", "h:1", "PLAIN", "u", "p@", false};
    struct connection again;
    struct ditto_error err = {0};
    struct buf once = {0}, twice = {0}, masked = {0}, resolved = {0};
    connection_put_effective(&once, c);
    PROMISE(connection_parse(&again, buf_slice(&once), &err) == 0);
    connection_put_effective(&twice, &again);
    PROMISE(same(&once, &twice));
    connection_free(&again);
    connection_put_masked(&masked, fuzz_json(&once, JSON_OBJECT));
    PROMISE(connection_parse(&again, buf_slice(&masked), &err) == 0);
    connection_free(&again);
    if (connection_put_resolved_hono(&resolved, c, &hono) == 0)
        (void)fuzz_json(&resolved, JSON_OBJECT);
    struct buf *all[] = {&once, &twice, &masked, &resolved};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_free(all[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_input(data, size);
    struct connection c;
    struct connection_problems p;
    struct json v;
    if (json_parse(text, &v, NULL) == 0) {
        mask(v);
        migrate(v);
    }
    int rc = connection_examine(&c, text, &p);
    PROMISE((rc == 0) == (p.n == 0) && p.n <= CONNECTION_PROBLEMS_MAX);
    for (size_t i = 0; i < p.n; i++)
        PROMISE(p.v[i].status >= 400 && *p.v[i].code && *p.v[i].message);
    connection_problems_free(&p);
    if (rc == 0) {
        use(&c);
        connection_free(&c);
    }
    if (connection_examine_for_mapping(&c, text, &p) == 0)
        connection_free(&c);
    connection_problems_free(&p);
    return 0;
}
