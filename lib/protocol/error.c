/* error.c: filling and writing errors. */
#include <stdarg.h>
#include <stdio.h>

#include "line/line.h"
#include "protocol/error.h"

#include "base/banned.h"

/* Ends text before a UTF-8 sequence that the end of its array cut. */
static void drop_cut_sequence(char *text)
{
    size_t len = strlen(text), back = 1;
    while (back < 4 && back < len && ((unsigned char)text[len - back] & 0xc0) == 0x80)
        back++;
    unsigned char lead = len ? (unsigned char)text[len - back] : 0;
    size_t whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (whole > back)
        text[len - back] = '\0';
}

static void set(char *dst, size_t size, const char *text)
{
    size_t len = text ? strnlen(text, size - 1) : 0;
    if (len)
        memcpy(dst, text, len);
    dst[len] = '\0';
    if (len == size - 1)
        drop_cut_sequence(dst);
}

int ditto_fail(struct ditto_error *e, int status, const char *code, const char *description,
               const char *pointer, const char *message, ...)
{
    if (e->status)
        return -1;
    e->status = status;
    set(e->code, sizeof e->code, code);
    set(e->description, sizeof e->description, description);
    set(e->pointer, sizeof e->pointer, pointer);
    va_list ap;
    va_start(ap, message);
    if (vsnprintf(e->message, sizeof e->message, message, ap) >= (int)sizeof e->message)
        drop_cut_sequence(e->message);
    va_end(ap);
    return -1;
}

static struct slice optional(const char *text)
{
    return *text ? slice_str(text) : SLICE_NONE;
}

void ditto_error_put(struct buf *dst, const struct ditto_error *e, bool with_pointer)
{
    buf_putc(dst, '{');
    json_put_member_int(dst, S("status"), e->status);
    json_put_member_text(dst, S("error"), slice_str(e->code));
    json_put_member_text(dst, S("message"), slice_str(e->message));
    if (*e->description)
        json_put_member_text(dst, S("description"), slice_str(e->description));
    if (with_pointer && *e->pointer)
        json_put_member_text(dst, S("pointer"), slice_str(e->pointer));
    buf_putc(dst, '}');
}

void ditto_error_settle(struct buf *dst, struct slice id, const struct ditto_error *e)
{
    line_put_refusal(dst, id, e->status, slice_str(e->code), slice_str(e->message), optional(e->description));
}
