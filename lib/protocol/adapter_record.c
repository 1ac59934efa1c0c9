/* adapter_record.c: signals whose members are those of the value: search, streaming, announcements, migration. */
#include "protocol/adapter_way.h"
#include "protocol/errors.h"
#include "protocol/instant.h"

#include "base/banned.h"

static const char invalid[] = "json.invalid";

static int put_raw(struct way *w, const struct record_field *f, struct json v)
{
    json_put_member(w->out, slice_str(f->name), json_slice(v));
    return 0;
}

static int put_typed(struct way *w, const struct record_field *f, struct json v, enum json_type type)
{
    return v.type == type ? put_raw(w, f, v) : way_wrong_type(w, f->name, invalid);
}

static int put_long(struct way *w, const struct record_field *f, struct json v)
{
    int64_t n;
    if (v.type != JSON_NUMBER)
        return way_wrong_type(w, f->name, invalid);
    return json_int(v, &n) < 0 ? way_wrong_type(w, f->name, "json.format.invalid") : put_raw(w, f, v);
}

static int put_instant(struct way *w, const struct record_field *f, struct json v)
{
    if (v.type != JSON_STRING)
        return way_wrong_type(w, f->name, invalid);
    json_put_key(w->out, slice_str(f->name));
    buf_putc(w->out, '"');
    int r = instant_put(w->out, texts_decode(&w->texts, v));
    buf_putc(w->out, '"');
    return r < 0 ? way_wrong_type(w, f->name, invalid) : 0;
}

static int put_strings(struct way *w, const struct record_field *f, struct json v)
{
    struct json_iter it = json_iter(v);
    while (json_next(&it)) {
        if (it.value.type != JSON_STRING)
            return way_wrong_type(w, f->name, invalid);
        if (f->type == RECORD_SUBJECTS && subject_id_check(texts_decode(&w->texts, it.value), w->err) < 0)
            return -1;
    }
    return put_typed(w, f, v, JSON_ARRAY);
}

static int put_error(struct way *w, const struct record_field *f, struct json v)
{
    int status;
    json_put_key(w->out, slice_str(f->name));
    return error_put_object(w->out, v, &status, w->err);
}

static int put_bool(struct way *w, const struct record_field *f, struct json v)
{
    return v.type == JSON_TRUE || v.type == JSON_FALSE ? put_raw(w, f, v)
                                                       : way_wrong_type(w, f->name, invalid);
}

static int put_field(struct way *w, const struct record_field *f, struct json v)
{
    switch (f->type) {
    case RECORD_STRING: return put_typed(w, f, v, JSON_STRING);
    case RECORD_LONG: return put_long(w, f, v);
    case RECORD_STRINGS:
    case RECORD_SUBJECTS: return put_strings(w, f, v);
    case RECORD_ARRAY: return put_typed(w, f, v, JSON_ARRAY);
    case RECORD_OBJECT: return put_typed(w, f, v, JSON_OBJECT);
    case RECORD_BOOL: return put_bool(w, f, v);
    case RECORD_INSTANT: return put_instant(w, f, v);
    case RECORD_ERROR: return put_error(w, f, v);
    case RECORD_ANY: break;
    }
    return put_raw(w, f, v);
}

/* ,"name":value for every field of the row. */
static int put_fields(struct way *w, struct json from, bool inbound)
{
    for (const struct record_field *f = w->row->fields; f->name; f++) {
        struct json v = json_get(from, slice_str(f->name));
        bool there = f->type == RECORD_ANY ? v.type != JSON_ABSENT : json_present(v);
        if (there) {
            if (put_field(w, f, v) < 0)
                return -1;
        } else if (!f->optional) {
            return way_missing(w, f->name);
        } else if (f->missing && (inbound || w->row->form == FORM_MIGRATE)) {
            json_put_member(w->out, slice_str(f->name), slice_str(f->missing));
        }
    }
    return 0;
}

int record_in(struct way *w, struct json value)
{
    if (json_present(value) && value.type != JSON_OBJECT)
        return way_wrong_type(w, "value", "json.format.invalid");
    return put_fields(w, value, true);
}

/* The command that migrates a definition shows its whole signal, as Ditto's does. */
int record_out(struct way *w)
{
    PUT(w->out, ",\"value\":{");
    bool whole = w->row->form == FORM_MIGRATE || w->row->form == FORM_MIGRATE_RESPONSE;
    if (w->row->form == FORM_MIGRATE)
        json_put_member_text(w->out, S("type"), row_type(w->row));
    if (whole)
        json_put_member(w->out, S("thingId"), json_slice(way_member(w, "thingId")));
    if (put_fields(w, w->line->signal, false) < 0)
        return -1;
    buf_putc(w->out, '}');
    return 0;
}
