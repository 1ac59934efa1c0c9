/* selector: the first line is a field selector, the rest a document that it is applied to. */
#include "protocol/selector.h"

#include "fuzz.h"

static void apply(const struct selector *s, struct slice text)
{
    struct json v;
    struct buf out = {0}, again = {0};
    if (json_parse(text, &v, NULL) < 0)
        return;
    for (int any_id = 0; any_id < 2; any_id++) {
        buf_cut(&out, 0);
        buf_cut(&again, 0);
        selector_apply(&out, s, v, any_id);
        selector_apply(&again, s, fuzz_json(&out, JSON_OBJECT), any_id);
        PROMISE(slice_eq(buf_slice(&out), buf_slice(&again))); /* what is left is selected */
        PROMISE(out.len <= text.len + 2);
    }
    buf_free(&out);
    buf_free(&again);
}

static void check(int r, struct selector *s, const struct ditto_error *err, struct slice document)
{
    if (r < 0) {
        PROMISE(err->status == 400 && *err->code);
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        PROMISE(s->pointers[i].len > 1 && s->pointers[i].p[0] == '/');
    apply(s, document);
    selector_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice document = fuzz_input(data, size), text = slice_cut(&document, '\n');
    struct selector s;
    struct ditto_error err[4] = {{0}};
    check(selector_parse_protocol(&s, text, &err[0]), &s, &err[0], document);
    check(selector_parse_extra(&s, text, &err[1]), &s, &err[1], document);
    check(selector_parse(&s, text, false, &err[2]), &s, &err[2], document);
    check(selector_parse(&s, text, true, &err[3]), &s, &err[3], document);
    return 0;
}
