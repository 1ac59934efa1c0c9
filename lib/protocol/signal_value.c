/* signal_value.c: things and their parts. */
#include "protocol/signal_value.h"

#include "json/patch.h"
#include "protocol/ids.h"
#include "protocol/instant.h"

#include "base/banned.h"

int value_refuse(struct value_way *w, const char *what)
{
    return ditto_fail(w->err, 400, w->wrong_kind, "Check the JSON type of the value.", "/value",
                      "The value is no %s.", what);
}

/* A member of a model has another type than it should. */
static int refuse_member(struct value_way *w, const char *name)
{
    return ditto_fail(w->err, 400, "json.invalid", "Check the JSON type of the member.", NULL,
                      "The member '%s' has the wrong JSON type.", name);
}

static int put_as_is(struct value_way *w, struct json v)
{
    buf_put_slice(w->dst, json_slice(v));
    return 0;
}

/* --- keys ------------------------------------------------------------------------------------------------------- */

static int check_key(struct value_way *w, struct slice raw, struct json value)
{
    struct buf text = {0};
    struct slice key = json_raw_text(raw, &text);
    int r = w->patterns && value.type == JSON_NULL && patch_pattern(key).p ? 0 : key_check(key, w->err);
    buf_free(&text);
    return r;
}

/* Recursion is as deep as the document: JSON_MAX_DEPTH at most. */
static int check_keys(struct value_way *w, struct json v)
{
    if (v.type != JSON_OBJECT)
        return 0;
    struct json_iter it = json_iter(v);
    while (json_next(&it))
        if (check_key(w, it.key, it.value) < 0 || check_keys(w, it.value) < 0)
            return -1;
    return 0;
}

int value_check_keys(struct value_way *w, struct json v)
{
    return w->odd_keys ? check_keys(w, v) : 0;
}

static int put_keyed(struct value_way *w, struct json v)
{
    return value_check_keys(w, v) < 0 ? -1 : put_as_is(w, v);
}

/* An object with valid keys, or null. */
static int put_keyed_object(struct value_way *w, struct json v, const char *what)
{
    if (v.type != JSON_OBJECT && v.type != JSON_NULL)
        return value_refuse(w, what);
    return put_keyed(w, v);
}

/* --- definitions ------------------------------------------------------------------------------------------------ */

static bool definition_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

static bool definition_part(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!definition_char(s.p[i]))
            return false;
    return s.len > 0;
}

/* http(s)://host… without blanks */
static bool is_url(struct slice s)
{
    bool secure = slice_starts(s, S("https://"));
    if (!secure && !slice_starts(s, S("http://")))
        return false;
    s = slice_skip(s, secure ? 8 : 7);
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] <= ' ')
            return false;
    return s.len && s.p[0] != '/' && s.p[0] != '?' && s.p[0] != '#' && s.p[0] != ':';
}

bool definition_valid(struct slice text)
{
    struct slice rest = text, first = slice_cut(&rest, ':'), second = slice_cut(&rest, ':');
    return (rest.p && definition_part(first) && definition_part(second) && definition_part(rest)) ||
           is_url(text);
}

static int check_definition(struct value_way *w, struct json v)
{
    struct buf text = {0};
    bool good = v.type == JSON_STRING && definition_valid(json_text(v, &text));
    buf_free(&text);
    if (good)
        return 0;
    return ditto_fail(w->err, 400, "things:definition.identifier.invalid",
                      "It reads namespace:name:version, or is an http(s) URL.", NULL,
                      "The value is no identifier of a definition.");
}

static int put_definition(struct value_way *w, struct json v)
{
    if (v.type != JSON_STRING)
        return value_refuse(w, "string");
    return check_definition(w, v) < 0 ? -1 : put_as_is(w, v);
}

static int check_feature_definition(struct value_way *w, struct json v)
{
    struct json_iter it = json_iter(v);
    size_t n = 0;
    for (; json_next(&it); n++)
        if (check_definition(w, it.value) < 0)
            return -1;
    if (n)
        return 0;
    return ditto_fail(w->err, 400, "things:feature.definition.empty", "It names one identifier at least.",
                      NULL, "The definition of a feature must not be empty.");
}

static int put_feature_definition(struct value_way *w, struct json v)
{
    if (v.type == JSON_NULL)
        return put_as_is(w, v);
    if (v.type != JSON_ARRAY)
        return value_refuse(w, "array");
    return check_feature_definition(w, v) < 0 ? -1 : put_as_is(w, v);
}

/* --- features --------------------------------------------------------------------------------------------------- */

static int put_feature_member(struct value_way *w, struct json feature, const char *name, enum json_type type)
{
    struct json v = json_get(feature, slice_str(name));
    if (v.type == JSON_ABSENT)
        return 0;
    if (v.type != type && v.type != JSON_NULL)
        return refuse_member(w, name);
    json_put_key(w->dst, slice_str(name));
    if (type == JSON_ARRAY && v.type == JSON_ARRAY && check_feature_definition(w, v) < 0)
        return -1;
    return type == JSON_ARRAY ? put_as_is(w, v) : put_keyed(w, v);
}

static int put_feature(struct value_way *w, struct json v)
{
    if (v.type == JSON_NULL)
        return put_as_is(w, v);
    if (v.type != JSON_OBJECT)
        return value_refuse(w, "object");
    buf_putc(w->dst, '{');
    if (put_feature_member(w, v, "definition", JSON_ARRAY) < 0 ||
        put_feature_member(w, v, "properties", JSON_OBJECT) < 0 ||
        put_feature_member(w, v, "desiredProperties", JSON_OBJECT) < 0)
        return -1;
    buf_putc(w->dst, '}');
    return 0;
}

static int put_features(struct value_way *w, struct json v)
{
    if (v.type == JSON_NULL)
        return put_as_is(w, v);
    if (v.type != JSON_OBJECT)
        return value_refuse(w, "object");
    struct json_iter it = json_iter(v);
    buf_putc(w->dst, '{');
    while (json_next(&it)) {
        if (it.value.type != JSON_OBJECT && it.value.type != JSON_NULL)
            return refuse_member(w, "features");
        if (w->odd_keys && check_key(w, it.key, it.value) < 0)
            return -1;
        json_put_item(w->dst);
        buf_putc(w->dst, '"');
        buf_put_slice(w->dst, it.key);
        buf_put(w->dst, "\":", 2);
        if (put_feature(w, it.value) < 0)
            return -1;
    }
    buf_putc(w->dst, '}');
    return 0;
}

/* --- things ----------------------------------------------------------------------------------------------------- */

enum thing_member {
    THING_LIFECYCLE,
    THING_REVISION,
    THING_MODIFIED,
    THING_CREATED,
    THING_NAMESPACE,
    THING_ID,
    THING_POLICY_ID,
    THING_DEFINITION,
    THING_ATTRIBUTES,
    THING_FEATURES,
    THING_METADATA,
    THING_MEMBERS
};

/* In the order in which they print. */
static const struct {
    struct slice name;
    enum json_type type;
    bool special;
    bool nullable; /* null is a value, else it is none */
} thing_members[THING_MEMBERS] = {
    [THING_LIFECYCLE] = {{"__lifecycle", 11}, JSON_STRING, true, false},
    [THING_REVISION] = {{"_revision", 9}, JSON_NUMBER, true, false},
    [THING_MODIFIED] = {{"_modified", 9}, JSON_STRING, true, false},
    [THING_CREATED] = {{"_created", 8}, JSON_STRING, true, false},
    [THING_NAMESPACE] = {{"_namespace", 10}, JSON_STRING, true, false},
    [THING_ID] = {{"thingId", 7}, JSON_STRING, false, false},
    [THING_POLICY_ID] = {{"policyId", 8}, JSON_STRING, false, false},
    [THING_DEFINITION] = {{"definition", 10}, JSON_ABSENT, false, true}, /* judged where it is put */
    [THING_ATTRIBUTES] = {{"attributes", 10}, JSON_OBJECT, false, true},
    [THING_FEATURES] = {{"features", 8}, JSON_OBJECT, false, true},
    [THING_METADATA] = {{"_metadata", 9}, JSON_OBJECT, true, false},
};

/* The members that a thing knows, the last of each. */
static int read_thing(struct value_way *w, struct json v, struct json members[THING_MEMBERS])
{
    struct json_iter it = json_iter(v);
    while (json_next(&it))
        for (unsigned i = 0; i < THING_MEMBERS; i++)
            if (json_key_is(it.key, thing_members[i].name))
                members[i] = it.value;
    for (unsigned i = 0; i < THING_MEMBERS; i++) {
        enum json_type want = thing_members[i].type;
        if (members[i].type == JSON_NULL && !thing_members[i].nullable)
            members[i].type = JSON_ABSENT;
        if (want != JSON_ABSENT && members[i].type != want && members[i].type != JSON_ABSENT &&
            members[i].type != JSON_NULL)
            return refuse_member(w, thing_members[i].name.p);
    }
    return 0;
}

static int check_id(struct json v, enum entity_type type, struct ditto_error *err)
{
    struct buf text = {0};
    int r = entity_id_parse(json_text(v, &text), type, NULL, err);
    buf_free(&text);
    return r;
}

static int put_instant(struct value_way *w, struct json v, const char *name)
{
    struct buf text = {0};
    buf_putc(w->dst, '"');
    int r = instant_put(w->dst, json_text(v, &text));
    buf_putc(w->dst, '"');
    buf_free(&text);
    return r < 0 ? refuse_member(w, name) : 0;
}

static int put_thing_member(struct value_way *w, enum thing_member m, struct json v)
{
    int64_t n;
    switch (m) {
    case THING_REVISION: return json_int(v, &n) < 0 ? refuse_member(w, "_revision") : put_as_is(w, v);
    case THING_MODIFIED:
    case THING_CREATED: return put_instant(w, v, thing_members[m].name.p);
    case THING_ID: return check_id(v, ENTITY_THING, w->err) < 0 ? -1 : put_as_is(w, v);
    case THING_POLICY_ID: return check_id(v, ENTITY_POLICY, w->err) < 0 ? -1 : put_as_is(w, v);
    case THING_DEFINITION: return v.type == JSON_NULL ? put_as_is(w, v) : put_definition(w, v);
    case THING_ATTRIBUTES: return put_keyed(w, v);
    case THING_FEATURES: return put_features(w, v);
    default: return put_as_is(w, v);
    }
}

/* The id that the value gets, and the namespace that goes with it. */
static void put_own_id(struct value_way *w, enum thing_member m)
{
    struct slice rest = w->id;
    struct slice text = m == THING_NAMESPACE ? slice_cut(&rest, ':') : w->id;
    json_put_member_text(w->dst, thing_members[m].name, text);
}

/* A namespace is never taken over: it is the one of the id. */
static void put_namespace(struct value_way *w, struct json id)
{
    struct slice raw = json_raw(id);
    if (w->id.p)
        put_own_id(w, THING_NAMESPACE);
    else if (id.type == JSON_STRING && w->derive) {
        json_put_key(w->dst, thing_members[THING_NAMESPACE].name);
        buf_putc(w->dst, '"');
        buf_put_slice(w->dst, slice_cut(&raw, ':'));
        buf_putc(w->dst, '"');
    }
}

static int put_thing(struct value_way *w, struct json v)
{
    struct json members[THING_MEMBERS] = {{JSON_ABSENT, NULL, 0}};
    if (v.type != JSON_OBJECT && v.type != JSON_NULL)
        return value_refuse(w, "object");
    if (read_thing(w, v, members) < 0)
        return -1;
    buf_putc(w->dst, '{');
    for (unsigned i = 0; i < THING_MEMBERS; i++) {
        if (thing_members[i].special && !w->special)
            continue;
        if (i == THING_NAMESPACE) {
            put_namespace(w, members[THING_ID]);
        } else if (i == THING_ID && w->id.p) {
            put_own_id(w, THING_ID);
        } else if (members[i].type != JSON_ABSENT) {
            json_put_key(w->dst, thing_members[i].name);
            if (put_thing_member(w, (enum thing_member)i, members[i]) < 0)
                return -1;
        }
    }
    buf_putc(w->dst, '}');
    return 0;
}

/* --- all -------------------------------------------------------------------------------------------------------- */

static int put_policy_id(struct value_way *w, struct json v)
{
    if (v.type != JSON_STRING)
        return value_refuse(w, "string");
    return check_id(v, ENTITY_POLICY, w->err) < 0 ? -1 : put_as_is(w, v);
}

void value_put_members(struct buf *dst, struct json object, const char *const *names)
{
    for (; *names; names++) {
        struct json v = json_get(object, slice_str(*names));
        if (v.type != JSON_ABSENT)
            json_put_member(dst, slice_str(*names), json_slice(v));
    }
}

int value_put(struct value_way *w, enum value_kind kind, struct json v)
{
    switch (kind) {
    case VALUE_NONE: return 0;
    case VALUE_ANY:
    case VALUE_PLAIN_THING:
    case VALUE_PLAIN_POLICY: return put_as_is(w, v);
    case VALUE_KEYED: return put_keyed(w, v);
    case VALUE_THING: return put_thing(w, v);
    case VALUE_POLICY_ID: return put_policy_id(w, v);
    case VALUE_DEFINITION: return put_definition(w, v);
    case VALUE_ATTRIBUTES:
    case VALUE_PROPERTIES: return put_keyed_object(w, v, "object");
    case VALUE_FEATURES: return put_features(w, v);
    case VALUE_FEATURE: return put_feature(w, v);
    case VALUE_FEATURE_DEFINITION: return put_feature_definition(w, v);
    default: return value_put_policy(w, kind, v);
    }
}
