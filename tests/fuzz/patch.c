/* patch: the input is three lines: a document, a merge patch, a JSON pointer. */
#include "json/patch.h"
#include "json/pointer.h"

#include "fuzz.h"

/* A plain patch that was applied changes nothing more. */
static void check_patch(struct json doc, struct json patch)
{
    struct buf once = {0}, twice = {0};
    struct json result = {JSON_ABSENT, NULL, 0};
    json_put_patched(&once, doc, patch, PATCH_RFC7396);
    PROMISE(json_parse(buf_slice(&once), &result, NULL) == 0);
    json_put_patched(&twice, result, patch, PATCH_RFC7396);
    PROMISE(slice_eq(buf_slice(&once), buf_slice(&twice)));
    buf_cut(&once, 0);
    json_put_patched(&once, doc, patch, PATCH_DITTO);
    PROMISE(json_parse(buf_slice(&once), &result, NULL) == 0);
    buf_free(&once);
    buf_free(&twice);
}

/* What was put there is there; what was removed is not. */
static void check_pointer(struct json doc, struct slice text, enum pointer_dialect dialect)
{
    struct pointer p;
    struct buf out = {0};
    struct json v = {JSON_ABSENT, NULL, 0};
    if (!pointer_parse(&p, text, dialect))
        return;
    pointer_put_with(&out, doc, p, S("\"here\""));
    PROMISE(json_parse(buf_slice(&out), &v, NULL) == 0);
    (void)pointer_get(v, p);
    buf_cut(&out, 0);
    pointer_put_with(&out, doc, p, SLICE_NONE);
    PROMISE(json_parse(buf_slice(&out), &v, NULL) == 0);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size);
    struct slice doc = slice_cut(&rest, '\n'), patch = slice_cut(&rest, '\n');
    struct json d, p;
    if (json_parse(doc, &d, NULL) < 0)
        return 0;
    if (json_parse(patch, &p, NULL) == 0)
        check_patch(d, p);
    check_pointer(d, rest, POINTER_RFC6901);
    check_pointer(d, rest, POINTER_DITTO);
    return 0;
}
