/* adapter-path: paths and their shapes, and points in time. */
#include "protocol/instant.h"
#include "protocol/path.h"

#include "tap.h"

static void has_shape(const char *text, enum topic_group group, enum shape want, const char *first,
                      const char *second)
{
    struct path p = {0};
    struct ditto_error err = {0};
    struct slice names[PATH_KEYS];
    is_int(path_parse(slice_str(text), group, &p, &err), 0, "'%s' is a path", text);
    if (!is_int(p.shape, want, "of shape %s", shape_text(want)))
        return;
    size_t n = shape_keys(want, names);
    if (n > 0)
        is_slice(p.keys[0], slice_str(first), "its first key");
    if (n > 1)
        is_slice(p.keys[1], slice_str(second), "its second key");
}

static void shapes(void)
{
    has_shape("/", GROUP_THINGS, SHAPE_ROOT, NULL, NULL);
    has_shape("", GROUP_THINGS, SHAPE_ROOT, NULL, NULL);
    has_shape("/attributes/", GROUP_THINGS, SHAPE_ATTRIBUTES, NULL, NULL);
    has_shape("attributes/a~0b/c%2Fd", GROUP_THINGS, SHAPE_ATTRIBUTE, "a~0b/c%2Fd", NULL);
    has_shape("/features/f/properties/p/q", GROUP_THINGS, SHAPE_PROPERTY, "f", "p/q");
    has_shape("/features/properties/properties", GROUP_THINGS, SHAPE_PROPERTIES, "properties", NULL);
    has_shape("/features/f/nothing", GROUP_THINGS, SHAPE_UNKNOWN, NULL, NULL);
    has_shape("/policyId/x", GROUP_THINGS, SHAPE_UNKNOWN, NULL, NULL);
    has_shape("/entries/l/subjects/a://b/c", GROUP_POLICIES, SHAPE_SUBJECT, "l", "a://b/c");
    has_shape("/entries/l", GROUP_THINGS, SHAPE_UNKNOWN, NULL, NULL);
    has_shape("/imports/ns:p/entries", GROUP_POLICIES, SHAPE_IMPORT_ENTRIES, "ns:p", NULL);
}

static void refused(void)
{
    static const char *const doubled[] = {"//", "/a//b", "/attributes//", "/entries//l/subjects/x"};
    struct path p;
    for (size_t i = 0; i < sizeof doubled / sizeof *doubled; i++) {
        struct ditto_error err = {0};
        is_int(path_parse(slice_str(doubled[i]), i == 3 ? GROUP_POLICIES : GROUP_THINGS, &p, &err), -1,
               "'%s' is none", doubled[i]);
        is_slice(slice_str(err.code), S("json.pointer.invalid"), "and says so");
    }
    struct ditto_error err = {0};
    is_int(path_parse_message(S("/features/f/outbox/messages/a/b"), &p, &err), 0, "a path of a message");
    is_slice(p.keys[1], S("a/b"), "and its subject");
    is_int(path_parse_message(S("/attributes"), &p, &err), -1, "of a thing it is none");
    is_slice(slice_str(err.code), S("protocoladapter:invalid.path"), "and says so");
}

static void printed(void)
{
    struct buf out = {0};
    struct slice keys[PATH_KEYS] = {S("f"), S("/p/~q\"")};
    path_put(&out, SHAPE_PROPERTY, keys);
    is_slice(buf_slice(&out), S("/features/f/properties/p/~0q\\\""), "escaped for JSON and as a pointer");
    buf_cut(&out, 0);
    path_put(&out, SHAPE_ROOT, keys);
    is_slice(buf_slice(&out), S("/"), "the root");
    buf_cut(&out, 0);
    pointer_put_escaped(&out, S("a~b~0c~1"), false);
    is_slice(buf_slice(&out), S("a~0b~0c~01"), "what is escaped stays");
    buf_cut(&out, 0);
    pointer_put_escaped(&out, S("a~0"), true);
    is_slice(buf_slice(&out), S("a~00"), "unless it is literal");
    ok(path_keys_valid(S("/a/b")) && !path_keys_valid(S("a//b")) && !path_keys_valid(S("a/\x01")), "keys");
    buf_free(&out);
}

static void prints_as(const char *text, const char *want)
{
    struct buf out = {0};
    int r = instant_put(&out, slice_str(text));
    if (want)
        is_slice(buf_slice(&out), slice_str(want), "%s", text);
    else
        is_int(r, -1, "%s is none", text);
    buf_free(&out);
}

static void instants(void)
{
    prints_as("2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z");
    prints_as("2024-05-06T07:08Z", NULL);
    prints_as("2024-05-06T07:08:09.1Z", "2024-05-06T07:08:09.100Z");
    prints_as("2024-05-06T07:08:09.000100Z", "2024-05-06T07:08:09.000100Z");
    prints_as("2024-05-06T07:08:09.123456789Z", "2024-05-06T07:08:09.123456789Z");
    prints_as("2024-05-06T00:08:09+01:30", "2024-05-05T22:38:09Z");
    prints_as("2024-02-29T23:59:59-00:01", "2024-03-01T00:00:59Z");
    prints_as("2023-02-29T00:00:00Z", NULL);
    prints_as("2024-05-06", NULL);
    prints_as("2024-05-06T25:00:00Z", NULL);
    prints_as("yesterday", NULL);
    prints_as("", NULL);
}

int main(void)
{
    shapes();
    refused();
    printed();
    instants();
    return done();
}
