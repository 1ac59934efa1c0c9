/* What subjects may do by a policy: what is said nearest counts, a revocation more than a grant; what is below. */
#include "json/json.h"
#include "tap.h"
#include "twin/enforce.h"

#include "base/banned.h"

static const char policy_text[] =
    "{\"entries\":{"
    "\"own\":{\"subjects\":{\"a\":{}},\"resources\":{\"thing:/\":{\"grant\":[\"READ\",\"WRITE\"],\"revoke\":[]}}},"
    "\"some\":{\"subjects\":{\"b\":{},\"c\":{}},\"resources\":{"
    "\"thing:/attributes/x\":{\"grant\":[\"READ\"],\"revoke\":[]},\"policy:/\":{\"grant\":[\"READ\"],\"revoke\":[]}}},"
    "\"less\":{\"subjects\":{\"c\":{},\"d\":{}},\"resources\":{"
    "\"thing:/\":{\"grant\":[\"READ\"],\"revoke\":[\"WRITE\"]},\"thing:/attributes/x\":{\"grant\":[],\"revoke\":[\"READ\"]},"
    "\"thing:/attributes/x/y\":{\"grant\":[\"READ\",\"WRITE\"],\"revoke\":[]}}}}}";

static struct json parsed(const char *text)
{
    struct json v = {JSON_ABSENT, NULL, 0};
    ok(json_parse(slice_str(text), &v, NULL) == 0, "%s is JSON", text[0] == '[' ? text : "the policy");
    return v;
}

static const struct {
    char subjects[16], path[24];
    enum permission permission;
    bool all, some;
} rows[] = {
    {"[\"a\"]", "", MAY_WRITE, true, true},
    {"[\"a\"]", "/attributes/x/y", MAY_READ, true, true},
    {"[\"b\"]", "", MAY_READ, false, true},
    {"[\"b\"]", "/attributes", MAY_READ, false, true},
    {"[\"b\"]", "/attributes/x", MAY_READ, true, true},
    {"[\"b\"]", "/attributes/x/", MAY_READ, true, true},
    {"[\"b\"]", "/attributes/xy", MAY_READ, false, false},
    {"[\"b\"]", "/attributes/x", MAY_WRITE, false, false},
    {"[\"c\"]", "/attributes/x", MAY_READ, false, true}, /* revoked there, granted below */
    {"[\"c\"]", "/attributes/x/z", MAY_READ, false, false},
    {"[\"d\"]", "/attributes/x/y", MAY_READ, true, true},
    {"[\"d\"]", "/attributes/x/y/z", MAY_WRITE, true, true},
    {"[\"d\"]", "/features", MAY_WRITE, false, false},
    {"[\"d\"]", "/features", MAY_READ, true, true},
    {"[\"d\"]", "", MAY_READ, false, true},
    {"[\"a\",\"d\"]", "", MAY_WRITE, false, true}, /* what is revoked for one is revoked for both */
    {"[\"none\"]", "/attributes", MAY_READ, false, false},
    {"[]", "", MAY_READ, false, false},
};

int main(void)
{
    struct json policy = parsed(policy_text);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rights r;
        const char *what = rows[i].permission == MAY_READ ? "read" : "write";
        rights_collect(&r, policy, parsed(rows[i].subjects), S("thing"));
        is_int(rights_all(&r, rows[i].permission, slice_str(rows[i].path)), rows[i].all, "%s %s all of '%s'",
               rows[i].subjects, what, rows[i].path);
        is_int(rights_some(&r, rows[i].permission, slice_str(rows[i].path)), rows[i].some,
               "%s %s some of '%s'", rows[i].subjects, what, rows[i].path);
        rights_free(&r);
    }
    struct buf readers = {0};
    rights_put_readers(&readers, policy, S("thing"), S("/attributes/x/y"));
    ok(slice_eq(buf_slice(&readers), S("[\"a\",\"b\",\"c\",\"d\"]")), "who may read all of a part");
    buf_free(&readers);
    rights_put_readers(&readers, policy, S("thing"), S(""));
    ok(slice_eq(buf_slice(&readers), S("[\"a\"]")), "who may read all");
    buf_free(&readers);
    return done();
}
