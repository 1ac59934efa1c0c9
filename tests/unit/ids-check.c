/* ids-check: names of things, policies, connections, keys and labels. With $VECTORS the rows of protocol/ids.ndjson too. */
#include <stdlib.h>

#include "base/io.h"
#include "json/json.h"
#include "protocol/ids.h"

#include "tap.h"

static void parts(void)
{
    struct ditto_error err = {0};
    struct entity_id id;
    ok(entity_id_parse(S("org.eclipse.ditto:a:b"), ENTITY_THING, &id, &err) == 0, "a thing id is one");
    is_slice(id.namespace, S("org.eclipse.ditto"), "its namespace ends at the first colon");
    is_slice(id.name, S("a:b"), "its name keeps the others");
    ok(entity_id_parse(S("c:1"), ENTITY_CONNECTION, &id, &err) == 0 && !id.namespace.p,
       "a connection has no namespace");
    ok(entity_id_check(S(""), S("x"), ENTITY_POLICY, &err) == 0, "an empty namespace is legal");
}

static void refusals(void)
{
    static const struct {
        enum entity_type type;
        struct slice text;
        const char *code;
    } rows[] = {
        {ENTITY_THING, {"nocolon", 7}, "things:id.invalid"},
        {ENTITY_POLICY, {"a:", 2}, "policies:id.invalid"},
        {ENTITY_NAMESPACED, {"_:x", 3}, "namespacedentity.id.invalid"},
        {ENTITY_CONNECTION, {"", 0}, "connectivity:connection.id.invalid"},
        {ENTITY_THING, {"a:b\0c", 5}, "things:id.invalid"},
        {ENTITY_THING, {NULL, 0}, "things:id.invalid"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ditto_error err = {0};
        ok(entity_id_parse(rows[i].text, rows[i].type, NULL, &err) == -1 && err.status == 400 &&
               slice_eq(slice_str(err.code), slice_str(rows[i].code)),
           "'%.*s' gives %s", SLICE_ARG(rows[i].text), rows[i].code);
    }
}

/* n times piece, as a key */
static bool key_of(const char *piece, size_t n)
{
    struct buf b = {0};
    for (size_t i = 0; i < n; i++)
        buf_puts(&b, piece);
    bool valid = key_valid(buf_slice(&b));
    buf_free(&b);
    return valid;
}

static void keys(void)
{
    ok(key_of("k", 256) && !key_of("k", 257), "a key has 256 characters at most");
    ok(key_of("\xe2\x82\xac", 256) && !key_of("\xe2\x82\xac", 257), "characters, not bytes");
    ok(key_of("\xf0\x9f\x98\x80", 128) && !key_of("\xf0\x9f\x98\x80", 129), "one beyond U+FFFF counts twice");
    ok(!key_valid(S("")) && !key_valid(S("a/b")) && !key_valid(S("a\x7f")),
       "none is empty, with a slash, with a control");
    ok(!key_valid(S("\xc3\xa4")) && key_valid(S("\xc4\x80")), "U+00E4 counts as control, U+0100 does not");
}

static void labels(void)
{
    struct ditto_error err = {0};
    ok(ack_label_check(S("{{ connection:id }}:my-ack"), &err) == 0, "a label may begin with a placeholder");
    ok(ack_label_check(S("ab"), &err) == -1 && err.status == 400, "a label has three characters at least");
    ok(ack_label_builtin(S("live-response")) && !ack_label_builtin(S("live-responses")),
       "three labels are Ditto's own");
}

/* --- $VECTORS --- */

static int judge(struct slice kind, struct slice value, struct ditto_error *err)
{
    if (slice_eq(kind, S("thingId")))
        return entity_id_parse(value, ENTITY_THING, NULL, err);
    if (slice_eq(kind, S("policyId")))
        return entity_id_parse(value, ENTITY_POLICY, NULL, err);
    if (slice_eq(kind, S("connectionId")))
        return entity_id_parse(value, ENTITY_CONNECTION, NULL, err);
    return slice_eq(kind, S("ackLabel")) ? ack_label_check(value, err) : 1;
}

/* Did the row give what it wants? A row of another kind did. */
static bool row_holds(struct slice line)
{
    struct json row;
    struct buf scratch = {0};
    struct ditto_error err = {0};
    if (json_parse(line, &row, NULL) < 0)
        return false;
    int got = judge(json_raw(json_get(row, S("kind"))), json_text(json_get(row, S("value")), &scratch), &err);
    bool valid = json_get(row, S("valid")).type == JSON_TRUE;
    bool same = got > 0 ||
                (valid ? got == 0 : got < 0 && json_text_is(json_get(row, S("error")), slice_str(err.code)));
    buf_free(&scratch);
    return same;
}

static void vectors(const char *folder)
{
    struct buf path = {0}, rows = {0};
    size_t n = 0, held = 0;
    buf_printf(&path, "%s/protocol/ids.ndjson", folder);
    ok(io_read_file(buf_z(&path), 1 << 26, &rows) == 0, "ids.ndjson can be read");
    for (struct slice rest = buf_slice(&rows); rest.p && rest.len; n++) {
        struct slice line = slice_cut(&rest, '\n');
        bool holds = row_holds(line);
        held += holds;
        if (!holds)
            tap_bytes("row", line);
    }
    ok(n && held == n, "%zu of %zu rows of ids.ndjson", held, n);
    buf_free(&path);
    buf_free(&rows);
}

int main(void)
{
    const char *folder = getenv("VECTORS");
    parts();
    refusals();
    keys();
    labels();
    if (folder)
        vectors(folder);
    else
        ok(true, "the rows of ids.ndjson # SKIP VECTORS is not set");
    return done();
}
