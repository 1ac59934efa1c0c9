/* line.c: reading and writing the lines. */
#include "line/line.h"
#include "json/skim.h"

#include "base/banned.h"

enum { ID_MAX_BYTES = 256, LONGEST_NAME = 9 };

struct known {
    const char *name;
    size_t offset; /* of its struct json in struct line */
};

#define MEMBER(m)                                                                                            \
    {                                                                                                        \
#m, offsetof(struct line, m)                                                                         \
    }
/* By length, so that a key is compared with few names; the commonest first. "id" is apart: it is no struct json. */
static const struct known members[LONGEST_NAME + 1][6] = {
    [4] = {MEMBER(path), MEMBER(text), MEMBER(weak)},
    [5] = {MEMBER(topic), MEMBER(value), MEMBER(bytes), MEMBER(extra), MEMBER(error), MEMBER(parts)},
    [6] = {MEMBER(status), MEMBER(fields), MEMBER(signal)},
    [7] = {MEMBER(headers), MEMBER(context), MEMBER(address), MEMBER(channel)},
    [8] = {MEMBER(revision), MEMBER(metadata)},
    [9] = {MEMBER(timestamp)},
};

struct reading {
    struct line *line;
    struct line_inside *inside; /* NULL: nobody asks */
    struct json *slot;          /* of the member at hand, NULL if it is none of ours */
    struct json id;
};

/* Of 4 to 9 bytes, as all names in the table: two overlapping halves, which is faster than a call. */
static inline bool same_name(const char *known, struct slice name)
{
    uint32_t a, b, c, d;
    memcpy(&a, known, 4);
    memcpy(&b, name.p, 4);
    memcpy(&c, known + name.len - 4, 4);
    memcpy(&d, name.p + name.len - 4, 4);
    return a == b && c == d && (name.len < 9 || known[4] == name.p[4]);
}

static struct json *find(struct reading *r, struct slice name)
{
    if (slice_eq(name, S("id")))
        return &r->id;
    if (name.len > LONGEST_NAME)
        return NULL;
    for (const struct known *k = members[name.len]; k < members[name.len] + 6 && k->name; k++)
        if (same_name(k->name, name))
            return (struct json *)(void *)((char *)r->line + k->offset);
    return NULL;
}

static struct json *find_escaped(struct reading *r, struct slice raw_key)
{
    struct buf name = {0};
    struct json *found = NULL;
    if (raw_key.len <=
        6 * LONGEST_NAME) /* an escape takes at most six bytes for one: a longer key is none of ours */
        found = find(r, json_raw_text(raw_key, &name));
    buf_free(&name);
    return found;
}

static void place(struct reading *r, struct json *slot, struct json value)
{
    if (slot)
        *slot = value;
    else
        r->line->n_other++;
}

static struct json_view *on_key(void *arg, struct slice key)
{
    struct reading *r = arg;
    r->slot = find(r, key);
    if (!r->slot && key.len && memchr(key.p, '\\', key.len))
        r->slot = find_escaped(r, key);
    if (!r->slot || !r->inside)
        return NULL;
    return r->slot == &r->line->headers  ? &r->inside->headers
           : r->slot == &r->line->signal ? &r->inside->signal
                                         : NULL;
}

static void on_member(void *arg, const struct json_member *m)
{
    struct reading *r = arg;
    place(r, r->slot, m->value);
}

struct slice line_id(struct json id)
{
    struct slice raw = json_raw(id);
    return raw.len == 0 || raw.len > ID_MAX_BYTES ? SLICE_NONE : raw;
}

struct slice line_id_in_front(struct slice line)
{
    struct slice start = S("{\"id\":\""), rest = slice_skip(line, start.len);
    size_t n = 0;
    if (!slice_starts(line, start))
        return SLICE_NONE;
    while (n < rest.len && n <= ID_MAX_BYTES && rest.p[n] != '"')
        n += rest.p[n] == '\\' ? 2 : 1;
    if (n == 0 || n >= rest.len || n > ID_MAX_BYTES)
        return SLICE_NONE;
    struct json id;
    return json_parse(slice_of(rest.p - 1, n + 2), &id, NULL) == 0 ? line_id(id) : SLICE_NONE;
}

static enum line_kind kind_of(const struct line *l)
{
    if (json_present(l->address))
        return LINE_EXTERNAL;
    if (json_present(l->topic))
        return LINE_DITTO;
    if (json_present(l->signal))
        return LINE_SIGNAL;
    if (l->id.p && json_present(l->status))
        return LINE_SETTLEMENT;
    return l->id.p && json_present(l->parts) ? LINE_PARTS : LINE_UNKNOWN;
}

static int read_line(struct slice raw, struct line *out, struct line_inside *inside, struct json_notes *notes,
                     struct json_error *err)
{
    *out = (struct line){.raw = raw};
    struct reading r = {.line = out, .inside = inside};
    struct json_reader reader = {on_key, on_member, &r, notes};
    if (json_read(raw, &reader, err) < 0)
        return -1;
    out->id = line_id(r.id);
    out->kind = kind_of(out);
    return 0;
}

int line_read(struct slice raw, struct line *out, struct json_error *err)
{
    return read_line(raw, out, NULL, NULL, err);
}

int line_read_deep(struct slice raw, struct line *out, struct line_inside *inside, struct json_error *err)
{
    json_view_clear(&inside->headers);
    json_view_clear(&inside->signal);
    inside->notes = (struct json_notes){false, false, false, false};
    return read_line(raw, out, inside, &inside->notes, err);
}

int line_skim(struct slice raw, struct line *out)
{
    *out = (struct line){.raw = raw};
    struct reading r = {.line = out};
    struct skim s = skim_of(raw);
    while (skim_next(&s))
        if (!s.escaped)
            place(&r, find(&r, s.key), s.value);
        else if (skim_key_sound(s.key))
            place(&r, find_escaped(&r, s.key), s.value);
    out->id = line_id(r.id);
    if (!skim_key_sound(out->id)) /* nothing has looked at its escapes yet */
        out->id = SLICE_NONE;
    out->kind = kind_of(out);
    return s.whole ? 0 : -1;
}

enum line_class line_class_of(int status)
{
    if (status < 400)
        return CLASS_ACCEPT;
    return status == 408 || status == 424 || status >= 500 ? CLASS_REDELIVER : CLASS_REJECT;
}

int line_class_status(enum line_class c)
{
    static const int status[] = {[CLASS_ACCEPT] = 200, [CLASS_REJECT] = 400, [CLASS_REDELIVER] = 503};
    return status[c];
}

const char *line_error_code(int status)
{
    return status == 413 ? "messages:payload.toolarge" : "json.invalid";
}

/* {"id":…,"name":n, still open */
static void put_start(struct buf *out, struct slice id, struct slice name, int64_t n)
{
    buf_puts(out, "{\"id\":\"");
    buf_put_slice(out, id);
    buf_putc(out, '"');
    json_put_member_int(out, name, n);
}

void line_put_settlement(struct buf *out, struct slice id, int status)
{
    put_start(out, id, S("status"), status);
    buf_puts(out, "}\n");
}

void line_put_refusal(struct buf *out, struct slice id, int status, struct slice code, struct slice message,
                      struct slice description)
{
    put_start(out, id, S("status"), status);
    buf_puts(out, ",\"error\":{");
    json_put_member_int(out, S("status"), status);
    json_put_member_text(out, S("error"), code);
    json_put_member_text(out, S("message"), message);
    if (description.p)
        json_put_member_text(out, S("description"), description);
    buf_puts(out, "}}\n");
}

void line_put_parts(struct buf *out, struct slice id, size_t n)
{
    put_start(out, id, S("parts"), (int64_t)n);
    buf_puts(out, "}\n");
}
