#include <inttypes.h>
#include <stdio.h>

#include "base/scan.h"
#include "store/call.h"

#include "base/banned.h"

int call_header_int(const struct call *c, struct slice name, int64_t *n, struct ditto_error *err)
{
    struct json v = json_get(c->headers, name);
    if (!json_present(v))
        return 0;
    if (json_int(v, n) == 0 || (json_raw(v).p && scan_i64(json_raw(v), n) == 0))
        return 1;
    return ditto_fail(err, 400, "json.invalid", NULL, NULL, "The header '%.*s' is not a number.",
                      SLICE_ARG(name));
}

bool call_header_true(const struct call *c, struct slice name)
{
    struct json v = json_get(c->headers, name);
    return v.type == JSON_TRUE || json_text_is(v, S("true"));
}

/* "*", or a list of tags like "rev:7", weak ones not among them. */
static bool matches(struct slice list, const struct held *h)
{
    char tag[40];
    int n = h ? snprintf(tag, sizeof tag, "\"rev:%" PRIu64 "\"", h->entity_revision) : 0;
    while (h && list.p) {
        struct slice one = slice_trim(slice_cut(&list, ','));
        if (slice_eq(one, S("*")) || slice_eq(one, slice_of(tag, (size_t)n)))
            return true;
    }
    return false;
}

static int failed(const char *header, struct slice value, struct ditto_error *err)
{
    return ditto_fail(err, 412, "connectivity:precondition.failed",
                      "Retrieve the connection and try again with what it is now.", NULL,
                      "The connection is not what '%s: %.*s' expects.", header, SLICE_ARG(value));
}

static int check_tags(const struct call *c, struct ditto_error *err)
{
    struct buf scratch = {0};
    struct slice wanted = json_text(json_get(c->headers, S("if-match")), &scratch);
    int rc = wanted.p && !matches(wanted, c->held) ? failed("if-match", wanted, err) : 0;
    buf_reset(&scratch, 0);
    struct slice unwanted = json_text(json_get(c->headers, S("if-none-match")), &scratch);
    if (rc == 0 && unwanted.p && matches(unwanted, c->held))
        rc = c->command->changes
                 ? failed("if-none-match", unwanted, err)
                 : ditto_fail(err, 304, "connectivity:precondition.notmodified", NULL, NULL,
                              "The connection is what 'if-none-match: %.*s' knows.", SLICE_ARG(unwanted));
    buf_free(&scratch);
    return rc;
}

static int check_revision(const struct call *c, struct ditto_error *err)
{
    int64_t expected = 0;
    const struct held *now = call_now(c);
    int there = call_header_int(c, S("expected-revision"), &expected, err);
    if (there <= 0 || (now ? now->revision : 0) == (uint64_t)expected)
        return there < 0 ? -1 : 0;
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, expected);
    return failed("expected-revision", slice_of(text, (size_t)n), err);
}

int conditions_check(const struct call *c, struct ditto_error *err)
{
    if (c->headers.type != JSON_OBJECT)
        return 0;
    return check_revision(c, err) == 0 ? check_tags(c, err) : -1;
}
