#include "load.h"

#include "message.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/scan.h"

#include "base/banned.h"

/* What stands for the changing parts in the template; each has its final length and occurs once. */
#define MARK_ID     "m-##########"
#define MARK_NUMBER "########"
#define MARK_TEMP   "##.#"
#define MARK_TS     "#############"
#define MARK_BODY_N "##########"

enum { ID_DIGITS = 10, TS_DIGITS = 13, PAD_BYTES = sizeof(",\"pad\":\"\"") - 1 };

#define HEAD                                                                                                 \
    "{\"topic\":\"org.example/dev-#/things/live/messages/temperature\",\"headers\":{\"content-type\":"       \
    "\"application/json\",\"response-required\":false,\"correlation-id\":\"" MARK_ID                         \
    "\"},\"path\":\"/outbox/messages/temperature\",\"value\":"

static const struct form {
    const char *content_type, *head, *tail; /* of the body, around the measurement */
} forms[] = {
    [LOAD_TELEMETRY] = {"application/json", "", ""},
    [LOAD_ENVELOPE] = {"application/vnd.eclipse.ditto+json", HEAD, "}"},
};

static void put_body(struct buf *body, const struct form *f, size_t bytes)
{
    buf_puts(body, f->head);
    buf_puts(body, "{\"temp\":" MARK_TEMP ",\"ts\":" MARK_TS ",\"n\":" MARK_BODY_N);
    size_t least = body->len + 1 + strlen(f->tail);
    size_t missing = bytes > least ? bytes - least : 0;
    bool pad = missing >= PAD_BYTES;
    if (pad)
        buf_puts(body, ",\"pad\":\"");
    size_t fill = pad ? missing - PAD_BYTES : missing;
    memset(buf_room(body, fill), pad ? 'x' : ' ', fill);
    buf_added(body, fill);
    buf_puts(body, pad ? "\"}" : "}");
    buf_puts(body, f->tail);
}

/* The offset of mark, which must be there: the template is our own. */
static size_t find(const struct load *l, size_t from, const char *mark)
{
    const char *at = memmem(buf_p(&l->encoded) + from, l->encoded.len - from, mark, strlen(mark));
    if (!at)
        bug("no '%s' in the template", mark);
    return (size_t)(at - buf_p(&l->encoded));
}

static void find_marks(struct load *l)
{
    size_t id = 0, device = 0;
    for (int i = 0; i < l->places; i++) {
        id = l->id[i] = find(l, id, MARK_ID) + 2;
        device = l->device[i] = find(l, device, "dev-#") + 4;
    }
    l->number = find(l, l->id[0] + ID_DIGITS, MARK_NUMBER);
    size_t body = find(l, 0, "{\"temp\":");
    l->temp = find(l, body, MARK_TEMP);
    l->ts = find(l, body, "\"ts\":") + 5;
    l->body_n = find(l, body, "\"n\":") + 4;
}

void load_init_form(struct load *l, enum load_form form, size_t body_bytes)
{
    struct buf body = {0}, text = {0};
    struct json object;
    struct json_error err;
    struct header h;
    const char *reason = NULL;
    *l = (struct load){.places = form == LOAD_ENVELOPE ? 2 : 1};
    put_body(&body, &forms[form], body_bytes < LOAD_MIN_BYTES ? LOAD_MIN_BYTES : body_bytes);
    /* 0x2323232323232323, so that the ulong is written in full and reads ######## */
    buf_printf(&text,
               "{\"properties\":{\"message-id\":\"" MARK_ID "\",\"content-type\":\"%s\"},"
               "\"application-properties\":{\"device_id\":\"dev-#\",\"n\":{\"ulong\":2531906049332683555}},"
               "\"data\":\"",
               forms[form].content_type);
    base64_put(&text, buf_p(&body), body.len);
    buf_puts(&text, "\"}");
    if (json_parse(buf_slice(&text), &object, &err) != 0)
        bug("the template is no JSON: %s", err.reason);
    if (message_from_json(object, &l->encoded, &h, &reason) != 0)
        bug("no template: %s", reason);
    find_marks(l);
    buf_free(&body);
    buf_free(&text);
}

static void put_digits(char *dst, int width, char fill, uint64_t n)
{
    for (int i = width - 1; i >= 0; i--, n /= 10)
        dst[i] = n || i == width - 1 ? (char)('0' + n % 10) : fill;
}

struct slice load_make(struct load *l, uint64_t n)
{
    char *p = buf_p(&l->encoded);
    for (int i = 0; i < l->places; i++) {
        put_digits(p + l->id[i], ID_DIGITS, '0', n);
        p[l->device[i]] = (char)('0' + n % 10);
    }
    for (int i = 0; i < 8; i++)
        p[l->number + (size_t)i] = (char)(n >> (56 - 8 * i));
    put_digits(p + l->temp, 2, '0', 20 + n / 10 % 10);
    p[l->temp + 3] = (char)('0' + n % 10);
    p[l->temp + 2] = '.';
    put_digits(p + l->ts, TS_DIGITS, '0', (uint64_t)wall_ms());
    put_digits(p + l->body_n, ID_DIGITS, ' ', n);
    return buf_slice(&l->encoded);
}

int load_parse(const char *text, uint64_t *count, struct slice *address, uint64_t *bytes, uint64_t *rate)
{
    struct slice rest = slice_str(text);
    struct slice first = slice_cut(&rest, ',');
    *address = slice_cut(&rest, ',');
    struct slice third = slice_cut(&rest, ',');
    *rate = 0;
    if (scan_u64(first, count) != 0 || !address->p || address->len == 0 || !third.p)
        return -1;
    if (scan_u64(third, bytes) != 0 || *bytes > LOAD_MAX_BYTES)
        return -1;
    return rest.p ? scan_u64(rest, rate) : 0;
}
