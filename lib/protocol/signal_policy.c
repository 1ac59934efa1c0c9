/* signal_policy.c: policies and their parts. */
#include "protocol/ids.h"
#include "protocol/instant.h"
#include "protocol/signal_value.h"

#include "base/banned.h"

static int put_as_is(struct value_way *w, struct json v)
{
    buf_put_slice(w->dst, json_slice(v));
    return 0;
}

static int missing(struct value_way *w, const char *name)
{
    return ditto_fail(w->err, 400, "json.field.missing", "Add it to the policy.", NULL,
                      "The member '%s' is missing.", name);
}

static int refuse_subject_id(struct slice id, struct ditto_error *err)
{
    return ditto_fail(err, 400, "policies:subjectid.invalid", "It is an issuer, ':' and a subject.", NULL,
                      "'%.*s' is no valid subject id.", SLICE_ARG(id));
}

int subject_id_check(struct slice id, struct ditto_error *err)
{
    /* an issuer that is a URL has a colon of its own */
    struct slice rest = id;
    for (size_t i = 0; i + 2 < id.len; i++)
        if (memcmp(id.p + i, "://", 3) == 0) {
            rest = slice_skip(id, i + 3);
            break;
        }
    bool url = rest.len != id.len;
    const char *colon = rest.len ? memchr(rest.p, ':', rest.len) : NULL;
    if (colon && (colon + 1 == id.p + id.len || has_control(id)))
        return refuse_subject_id(id, err);
    if (colon && (url || rest.p[0] != ':'))
        return 0;
    if (url)
        return ditto_fail(err, 400, "connectivity:message.mapping.failed",
                          "Its issuer is a URL, and then a ':' is missing.", NULL,
                          "'%.*s' is no valid subject id.", SLICE_ARG(id));
    return refuse_subject_id(id, err);
}

int resource_key_check(struct slice key, struct ditto_error *err)
{
    if (key.len && memchr(key.p, ':', key.len))
        return 0;
    return ditto_fail(err, 400, "json.invalid", "It is a type, ':' and a path.", NULL,
                      "'%.*s' is no valid resource key.", SLICE_ARG(key));
}

/* --- objects of parts ------------------------------------------------------------------------------------------- */

typedef int put_part(struct value_way *w, struct json v);

/* Each member of an object through put; keys through check, which may be NULL. */
static int put_each(struct value_way *w, struct json v,
                    int (*check)(struct slice key, struct ditto_error *err), put_part *put)
{
    if (v.type != JSON_OBJECT)
        return value_refuse(w, "object");
    struct buf text = {0};
    struct json_iter it = json_iter(v);
    int r = 0;
    buf_putc(w->dst, '{');
    while (r == 0 && json_next(&it)) {
        if (slice_eq(it.key, S("__schemaVersion")))
            continue;
        buf_cut(&text, 0);
        r = check ? check(json_raw_text(it.key, &text), w->err) : 0;
        json_put_item(w->dst);
        buf_putc(w->dst, '"');
        buf_put_slice(w->dst, it.key);
        buf_put(w->dst, "\":", 2);
        r = r < 0 ? r : put(w, it.value);
    }
    buf_putc(w->dst, '}');
    buf_free(&text);
    return r;
}

/* The members of an object that are known. */
static int put_known(struct value_way *w, struct json v, const char *const *names)
{
    if (v.type != JSON_OBJECT)
        return value_refuse(w, "object");
    buf_putc(w->dst, '{');
    value_put_members(w->dst, v, names);
    buf_putc(w->dst, '}');
    return 0;
}

static bool is_instant(struct json v)
{
    struct buf text = {0}, printed = {0};
    bool is = instant_put(&printed, json_text(v, &text)) == 0;
    buf_free(&text);
    buf_free(&printed);
    return is;
}

static int wrong_member(struct value_way *w, const char *name)
{
    return ditto_fail(w->err, 400, "json.invalid", "Check the JSON type of the member.", NULL,
                      "The member '%s' has the wrong JSON type.", name);
}

static int check_subject(struct value_way *w, struct json v)
{
    struct json type = json_get(v, S("type")), expiry = json_get(v, S("expiry"));
    if (!json_present(type))
        return missing(w, "type");
    if (type.type != JSON_STRING)
        return wrong_member(w, "type");
    if (!json_present(expiry))
        return 0;
    if (expiry.type != JSON_STRING)
        return wrong_member(w, "expiry");
    return is_instant(expiry) ? 0
                              : ditto_fail(w->err, 400, "policies:subjectexpiry.invalid",
                                           "It is a time such as 2030-01-02T03:04:05Z.", NULL,
                                           "The expiry of the subject is not valid.");
}

static int put_subject(struct value_way *w, struct json v)
{
    static const char *const names[] = {"type", "expiry", "announcement", NULL};
    if (v.type == JSON_OBJECT && check_subject(w, v) < 0)
        return -1;
    return put_known(w, v, names);
}

static int put_subjects(struct value_way *w, struct json v)
{
    return put_each(w, v, subject_id_check, put_subject);
}

static int put_resource(struct value_way *w, struct json v)
{
    static const char *const names[] = {"grant", "revoke", NULL};
    for (size_t i = 0; v.type == JSON_OBJECT && names[i]; i++)
        if (json_get(v, slice_str(names[i])).type != JSON_ARRAY)
            return missing(w, names[i]);
    return put_known(w, v, names);
}

static int put_resources(struct value_way *w, struct json v)
{
    return put_each(w, v, resource_key_check, put_resource);
}

static int put_array(struct value_way *w, struct json v)
{
    return v.type == JSON_ARRAY ? put_as_is(w, v) : value_refuse(w, "array");
}

static int put_strings(struct value_way *w, struct json v)
{
    struct json_iter it = json_iter(v);
    while (json_next(&it))
        if (it.value.type != JSON_STRING)
            return value_refuse(w, "array of strings");
    return put_array(w, v);
}

static int put_importable(struct value_way *w, struct json v)
{
    if (json_text_is(v, S("implicit")) || json_text_is(v, S("explicit")) || json_text_is(v, S("never")))
        return put_as_is(w, v);
    return value_refuse(w, "one of implicit, explicit, never");
}

static int put_import(struct value_way *w, struct json v)
{
    static const char *const names[] = {"entries", "entriesAdditions", "transitiveImports", NULL};
    return put_known(w, v, names);
}

static int check_policy_id(struct slice id, struct ditto_error *err)
{
    return entity_id_parse(id, ENTITY_POLICY, NULL, err);
}

static int put_imports(struct value_way *w, struct json v)
{
    return put_each(w, v, check_policy_id, put_import);
}

/* --- entries ---------------------------------------------------------------------------------------------------- */

/* A member of an entry through put; without one what default_text says, which may be NULL. */
static int put_entry_member(struct value_way *w, struct json entry, const char *name, put_part *put,
                            const char *default_text)
{
    struct json v = json_get(entry, slice_str(name));
    bool there = v.type != JSON_ABSENT && v.type != JSON_NULL;
    if (!there && !default_text)
        return 0;
    json_put_key(w->dst, slice_str(name));
    if (there)
        return put(w, v);
    buf_puts(w->dst, default_text);
    return 0;
}

static int put_entry(struct value_way *w, struct json v)
{
    if (v.type != JSON_OBJECT)
        return value_refuse(w, "object");
    buf_putc(w->dst, '{');
    int r = put_entry_member(w, v, "subjects", put_subjects, "{}");
    r = r < 0 ? r : put_entry_member(w, v, "resources", put_resources, "{}");
    r = r < 0 ? r : put_entry_member(w, v, "namespaces", put_strings, NULL);
    r = r < 0 ? r : put_entry_member(w, v, "importable", put_importable, "\"implicit\"");
    r = r < 0 ? r : put_entry_member(w, v, "allowedAdditions", put_strings, NULL);
    r = r < 0 ? r : put_entry_member(w, v, "references", put_array, NULL);
    buf_putc(w->dst, '}');
    return r;
}

static int put_entries(struct value_way *w, struct json v)
{
    return put_each(w, v, NULL, put_entry);
}

/* --- policies --------------------------------------------------------------------------------------------------- */

/* The id that it gets, or its own; the namespace in front. */
static int put_policy_id(struct value_way *w, struct json v)
{
    struct buf text = {0};
    struct json own = json_get(v, S("policyId"));
    struct slice id = w->id.p ? w->id : json_text(own, &text), rest = id;
    int r = id.p ? entity_id_parse(id, ENTITY_POLICY, NULL, w->err) : 0;
    if (r == 0 && id.p && w->special)
        json_put_member_text(w->dst, S("_namespace"), slice_cut(&rest, ':'));
    if (r == 0 && id.p)
        json_put_member_text(w->dst, S("policyId"), id);
    buf_free(&text);
    return r;
}

static int put_policy(struct value_way *w, struct json v)
{
    static const char *const special[] = {"__lifecycle", "_revision", "_modified", "_created", NULL};
    if (v.type != JSON_OBJECT)
        return value_refuse(w, "object");
    if (json_get(v, S("entries")).type == JSON_ABSENT)
        return missing(w, "entries");
    buf_putc(w->dst, '{');
    if (w->special)
        value_put_members(w->dst, v, special);
    int r = put_policy_id(w, v);
    r = r < 0 ? r : put_entry_member(w, v, "imports", put_imports, "{}");
    r = r < 0 ? r : put_entry_member(w, v, "entries", put_entries, "{}");
    buf_putc(w->dst, '}');
    return r;
}

static int put_object(struct value_way *w, struct json v)
{
    return v.type == JSON_OBJECT ? put_as_is(w, v) : value_refuse(w, "object");
}

int value_put_policy(struct value_way *w, enum value_kind kind, struct json v)
{
    switch (kind) {
    case VALUE_POLICY: return put_policy(w, v);
    case VALUE_ENTRIES: return put_entries(w, v);
    case VALUE_ENTRY: return put_entry(w, v);
    case VALUE_RESOURCES: return put_resources(w, v);
    case VALUE_RESOURCE: return put_resource(w, v);
    case VALUE_SUBJECTS: return put_subjects(w, v);
    case VALUE_SUBJECT: return put_subject(w, v);
    case VALUE_IMPORTABLE: return put_importable(w, v);
    case VALUE_ADDITIONS:
    case VALUE_STRINGS: return put_strings(w, v);
    case VALUE_REFERENCES: return put_array(w, v);
    case VALUE_IMPORTS: return put_imports(w, v);
    case VALUE_IMPORT: return put_import(w, v);
    case VALUE_OBJECT: return put_object(w, v);
    default: return put_as_is(w, v);
    }
}
