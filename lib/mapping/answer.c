/* answer.c: what scripts answered, judged like everything that comes from outside. */
#include "mapping/flow.h"

#include "base/banned.h"

const struct answer *answers_next(struct answers *a, const struct mapper *m)
{
    if (!a->n || a->v->script != (unsigned)m->script)
        return NULL;
    a->n--;
    return a->v++;
}

static int not_an_object(const struct mapper *m, struct ditto_error *err)
{
    return mapper_fail(m, err, "A result of its program is not an object.");
}

/* The next result; false if there is no more. One too many is enough to know: see flow_add. */
static bool next_result(struct slice *rest, size_t n, struct slice *result)
{
    if (!rest->len || n > RESULTS_MAX)
        return false;
    *result = slice_cut(rest, '\n');
    return true;
}

static int failed(const struct mapper *m, const struct answer *a, struct ditto_error *err)
{
    struct slice why = buf_slice(&a->text);
    return mapper_fail(m, err, "Its program failed: %.*s.", SLICE_ARG(why));
}

int answer_is_no_message(const struct mapper *m, struct ditto_error *err)
{
    struct ditto_error why = *err;
    if (m->language != LANGUAGE_JAVASCRIPT)
        return -1;
    err->status = 0;
    return mapper_fail(m, err, "Its result is no message: %s", why.message);
}

int answer_incoming(const struct mapper *m, const struct answer *a, struct incoming *to,
                    struct ditto_error *err)
{
    struct slice rest = buf_slice(&a->text), result;
    if (a->failed)
        return failed(m, a, err);
    while (next_result(&rest, to->n, &result)) {
        if (!result.len || result.p[0] != '{')
            return not_an_object(m, err);
        to->v[to->n++] = result;
    }
    return 0;
}

static int read_payload(const struct mapper *m, struct json v, struct published *p, struct ditto_error *err)
{
    struct json text = json_get(v, S("text")), bytes = json_get(v, S("bytes")), json = json_get(v, S("json"));
    if (json_present(text)) {
        p->kind = PAYLOAD_RAW;
        p->payload = json_slice(text);
    } else if (json_present(bytes)) {
        p->kind = PAYLOAD_BYTES;
        p->payload = json_slice(bytes);
    } else if (json.type != JSON_ABSENT) {
        p->kind = PAYLOAD_TEXT;
        p->payload = json_slice(json);
        p->content_type = S("application/json");
    }
    if ((json_present(text) && text.type != JSON_STRING) ||
        (json_present(bytes) && bytes.type != JSON_STRING))
        return mapper_fail(m, err, "The text or bytes of a result are not a string.");
    return 0;
}

static int read_published(const struct mapper *m, struct slice result, struct published *p,
                          struct ditto_error *err)
{
    struct json v;
    if (json_parse(result, &v, NULL) < 0 || v.type != JSON_OBJECT)
        return not_an_object(m, err);
    *p = (struct published){.address = json_get(v, S("address")), .headers = json_get(v, S("headers"))};
    if (json_present(p->address) && p->address.type != JSON_STRING)
        return mapper_fail(m, err, "The address of a result is not a string.");
    if (json_present(p->headers) && p->headers.type != JSON_OBJECT)
        return mapper_fail(m, err, "The headers of a result are not an object.");
    return read_payload(m, v, p, err);
}

int answer_outgoing(const struct mapper *m, const struct answer *a, struct outgoing *to,
                    struct ditto_error *err)
{
    struct slice rest = buf_slice(&a->text), result;
    if (a->failed)
        return failed(m, a, err);
    while (next_result(&rest, to->n, &result)) {
        if (read_published(m, result, &to->v[to->n++], err) < 0)
            return -1;
    }
    return 0;
}
