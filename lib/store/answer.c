#include "store/answer.h"

#include "base/banned.h"

static void copy_member(struct buf *out, struct json from, struct slice name)
{
    struct json v = json_get(from, name);
    if (json_present(v))
        json_put_member(out, name, json_slice(v));
}

static void put_tag(struct buf *out, uint64_t tag)
{
    json_put_key(out, S("etag"));
    buf_puts(out, "\"\\\"rev:");
    buf_put_u64(out, tag);
    buf_puts(out, "\\\"\"");
}

void answer_begin(struct buf *out, struct json question, struct answer_headers h)
{
    buf_putc(out, '{');
    copy_member(out, question, S("id"));
    json_put_key(out, S("headers"));
    buf_putc(out, '{');
    copy_member(out, json_get(question, S("headers")), S("correlation-id"));
    if (h.revision)
        json_put_member_int(out, S("entity-revision"), (int64_t)h.revision);
    if (h.tag)
        put_tag(out, h.tag);
    if (h.historical)
        json_put_member(out, S("historical-headers"), S("{}"));
    buf_putc(out, '}');
    json_put_key(out, S("signal"));
}

void answer_end(struct buf *out)
{
    buf_puts(out, "}\n");
}

static void put_payload(struct buf *out, const struct ditto_error *err, struct slice problems)
{
    ditto_error_put(out, err, true);
    if (!problems.len)
        return;
    buf_cut(out, out->len - 1);
    json_put_key(out, S("problems"));
    buf_putc(out, '[');
    buf_put_slice(out, problems);
    buf_puts(out, "]}");
}

void answer_errors(struct buf *out, struct json question, const struct ditto_error *err,
                   struct slice problems)
{
    answer_begin(out, question, (struct answer_headers){0});
    buf_puts(out, "{\"type\":\"connectivity.responses:errorResponse\"");
    json_put_member_int(out, S("status"), err->status);
    json_put_key(out, S("payload"));
    put_payload(out, err, problems);
    buf_putc(out, '}');
    answer_end(out);
}

void answer_error(struct buf *out, struct json question, const struct ditto_error *err)
{
    answer_errors(out, question, err, S(""));
}

void answer_notice(struct buf *out, const struct ditto_error *err)
{
    buf_puts(out, "{\"error\":");
    ditto_error_put(out, err, true);
    buf_puts(out, "}\n");
}

static bool unless_false(struct json question, struct slice header)
{
    struct json v = json_get(json_get(question, S("headers")), header);
    return v.type != JSON_FALSE && !json_text_is(v, S("false"));
}

bool answer_wanted(struct json question)
{
    return unless_false(question, S("response-required"));
}

bool answer_waits(struct json question)
{
    return answer_wanted(question) && unless_false(question, S("wait-for-verdict"));
}
