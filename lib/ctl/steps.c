#include "ctl/steps.h"

#include "base/banned.h"

/* Text for a terminal: nothing in it may move the cursor. */
static void put_shown(struct buf *dst, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool c1 = c == 0xc2 && i + 1 < s.len && (unsigned char)s.p[i + 1] < 0xa0;
        if (c == '\n')
            buf_puts(dst, "\\n");
        else if (c == '\t')
            buf_puts(dst, "\\t");
        else if (c1)
            buf_printf(dst, "\\u%04x", (unsigned char)s.p[++i]);
        else if (c < ' ' || c == 0x7f)
            buf_printf(dst, "\\x%02x", c);
        else
            buf_putc(dst, (char)c);
    }
}

static void put_value(struct buf *dst, struct json v)
{
    struct buf decoded = {0};
    struct slice text = json_text(v, &decoded);
    if (text.p) {
        put_shown(dst, text);
    } else {
        buf_reset(&decoded, 0);
        json_put_compact(&decoded, v);
        put_shown(dst, buf_slice(&decoded));
    }
    buf_free(&decoded);
}

static void put_text_of(struct buf *dst, struct json v, const char *member)
{
    put_value(dst, json_get(v, slice_str(member)));
}

static void put_members(struct buf *dst, const char *prefix, struct json v)
{
    struct buf decoded = {0};
    struct json_iter it = json_iter(v);
    while (json_next(&it)) {
        if (json_key_is(it.key, S("headers")) && it.value.type == JSON_OBJECT) {
            put_members(dst, "    header ", it.value);
            continue;
        }
        buf_puts(dst, prefix);
        put_shown(dst, json_raw_text(it.key, &decoded));
        buf_puts(dst, ": ");
        put_value(dst, it.value);
        buf_putc(dst, '\n');
        buf_reset(&decoded, 0);
    }
    buf_free(&decoded);
}

static void put_object(struct buf *dst, struct json v)
{
    if (v.type == JSON_OBJECT) {
        put_members(dst, "    ", v);
        return;
    }
    buf_puts(dst, "    ");
    put_value(dst, v);
    buf_putc(dst, '\n');
}

static void put_list(struct buf *dst, struct json list)
{
    struct json_iter it = json_iter(list);
    for (bool first = true; json_next(&it); first = false) {
        buf_puts(dst, first ? "" : ", ");
        put_value(dst, it.value);
    }
}

static void put_error(struct buf *dst, struct json error)
{
    buf_puts(dst, "    error: ");
    put_text_of(dst, error, "error");
    buf_puts(dst, ": ");
    put_text_of(dst, error, "message");
    buf_putc(dst, '\n');
    if (json_present(json_get(error, S("description")))) {
        buf_puts(dst, "    ");
        put_text_of(dst, error, "description");
        buf_putc(dst, '\n');
    }
}

/* --- a function a step --- */

static void put_message(struct buf *dst, struct json step)
{
    static const char *const ends[] = {"source", "target", "reply"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct json index = json_get(step, slice_str(ends[i]));
        if (!json_present(index))
            continue;
        buf_printf(dst, "%s ", strcmp(ends[i], "reply") == 0 ? "reply target of source" : ends[i]);
        put_value(dst, index);
        buf_puts(dst, ": ");
    }
    buf_puts(dst, "input of ");
    put_list(dst, json_get(step, S("mappers")));
    buf_putc(dst, '\n');
    put_object(dst, json_get(step, S("input")));
}

static void put_part(struct buf *dst, struct json step)
{
    buf_puts(dst, "part ");
    put_text_of(dst, step, "part");
    buf_puts(dst, ", of mapper ");
    put_text_of(dst, step, "mapper");
    buf_putc(dst, '\n');
}

static void put_outcome(struct buf *dst, struct json step)
{
    struct json values = json_get(step, S("values")), error = json_get(step, S("error"));
    if (json_present(error)) {
        put_error(dst, error);
        return;
    }
    buf_puts(dst, "    ");
    if (values.type == JSON_ARRAY) {
        buf_puts(dst, "= ");
        put_list(dst, values);
    } else {
        buf_puts(dst, json_present(json_get(step, S("deleted"))) ? "deleted" : "unresolved");
    }
    buf_putc(dst, '\n');
}

static void put_template(struct buf *dst, struct json step)
{
    put_text_of(dst, step, "of");
    if (json_present(json_get(step, S("name")))) {
        buf_putc(dst, ' ');
        put_text_of(dst, step, "name");
    }
    buf_puts(dst, ": ");
    put_text_of(dst, step, "template");
    buf_putc(dst, '\n');
    put_outcome(dst, step);
}

static void put_made(struct buf *dst, struct json output)
{
    size_t n = json_count(output), i = 0;
    struct json_iter it = json_iter(output);
    while (json_next(&it)) {
        if (n > 1)
            buf_printf(dst, "  %zu of %zu\n", ++i, n);
        put_object(dst, it.value);
    }
    if (!n)
        buf_puts(dst, "    nothing\n");
}

static void put_mapper(struct buf *dst, struct json step)
{
    struct json error = json_get(step, S("error")), skipped = json_get(step, S("skipped"));
    buf_puts(dst, "mapper ");
    put_text_of(dst, step, "mapper");
    buf_puts(dst, " (");
    put_text_of(dst, step, "engine");
    buf_puts(dst, ")\n");
    if (json_present(error))
        put_error(dst, error);
    else if (json_present(skipped))
        buf_puts(dst, json_text_is(skipped, S("conditions")) ? "    skipped: a condition does not hold\n"
                                                             : "    skipped: the content type is blocked\n");
    else
        put_made(dst, json_get(step, S("output")));
}

static void put_refused(struct buf *dst, struct json step)
{
    buf_puts(dst, "refused\n");
    put_error(dst, json_get(step, S("error")));
}

static void put_dropped(struct buf *dst, struct json step)
{
    (void)step;
    buf_puts(dst, "dropped\n");
}

static void put_output(struct buf *dst, struct json step)
{
    struct json line = json_get(step, S("line"));
    bool message = json_present(json_get(line, S("topic"))) || json_present(json_get(line, S("address")));
    buf_puts(dst, message                                    ? "output\n"
                  : json_present(json_get(line, S("parts"))) ? "parts\n"
                                                             : "settlement\n");
    put_object(dst, line);
}

static const struct {
    const char *step;
    void (*put)(struct buf *dst, struct json step);
} kinds[] = {
    {"message", put_message}, {"part", put_part},       {"template", put_template}, {"mapper", put_mapper},
    {"dropped", put_dropped}, {"refused", put_refused}, {"output", put_output},
};

bool steps_failed(struct json step)
{
    return json_text_is(json_get(step, S("step")), S("refused"));
}

bool steps_put(struct buf *dst, struct json step, bool first)
{
    struct json kind = json_get(step, S("step"));
    if (!first && json_text_is(kind, S("message")))
        buf_putc(dst, '\n');
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (json_text_is(kind, slice_str(kinds[i].step))) {
            kinds[i].put(dst, step);
            return !steps_failed(step);
        }
    }
    put_object(dst, step); /* a line that nobody maps */
    return true;
}
