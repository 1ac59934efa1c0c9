/* path: the input is a path of a message, a JSON pointer, a name, a point in time. */
#include "json/pointer.h"
#include "protocol/ids.h"
#include "protocol/instant.h"
#include "protocol/path.h"

#include "fuzz.h"

/* What is printed is of the same shape. Keys that are empty or hold slashes never come out of a path. */
static void check_path(struct slice text, enum topic_group group)
{
    struct path p, again;
    struct slice names[PATH_KEYS];
    struct ditto_error err = {0};
    struct buf printed = {0}, decoded = {0};
    if (path_parse(text, group, &p, &err) < 0) {
        PROMISE(err.status == 400);
        return;
    }
    size_t n = shape_keys(p.shape, names);
    for (size_t i = 0; i < n; i++)
        PROMISE(p.keys[i].p >= p.text.p && p.keys[i].p + p.keys[i].len <= p.text.p + p.text.len);
    if (p.shape == SHAPE_UNKNOWN || (n && slice_eq(p.keys[n - 1], S("/"))))
        return; /* a subject id that is no more than a slash */
    buf_putc(&printed, '"');
    path_put(&printed, p.shape, p.keys);
    buf_putc(&printed, '"');
    struct json v = {JSON_ABSENT, NULL, 0};
    if (json_parse(buf_slice(&printed), &v, NULL) == 0) { /* bad UTF-8 becomes good */
        PROMISE(path_parse(json_text(v, &decoded), group, &again, &err) == 0);
        PROMISE(again.shape == p.shape);
    }
    buf_free(&printed);
    buf_free(&decoded);
}

static void check_pointer(struct slice text, enum pointer_dialect dialect)
{
    struct pointer p, again;
    struct slice token, token_again;
    struct buf printed = {0}, scratch = {0};
    if (!pointer_parse(&p, text, dialect))
        return;
    struct pointer walk = p;
    while (pointer_next(&walk, &token))
        pointer_put_key(&printed, pointer_key(token, dialect, &scratch), dialect);
    PROMISE(pointer_parse(&again, buf_slice(&printed), dialect));
    while (pointer_next(&p, &token)) {
        PROMISE(pointer_next(&again, &token_again));
        buf_cut(&scratch, 0);
        buf_room(&scratch, token.len + token_again.len + 1);
        struct slice key = pointer_key(token, dialect, &scratch);
        PROMISE(slice_eq(key, pointer_key(token_again, dialect, &scratch)));
        PROMISE(pointer_token_is(token, key, dialect));
    }
    PROMISE(!pointer_next(&again, &token_again));
    buf_free(&printed);
    buf_free(&scratch);
}

static void check_names(struct slice text)
{
    struct ditto_error err = {0};
    struct entity_id id;
    for (unsigned t = ENTITY_THING; t <= ENTITY_NAMESPACED; t++)
        PROMISE(entity_id_parse(text, (enum entity_type)t, &id, &err) < 0 || slice_eq(id.full, text));
    PROMISE((key_check(text, &err) == 0) == key_valid(text));
    PROMISE(!key_valid(text) || !has_control(text));
    PROMISE(!ack_label_builtin(text) || ack_label_check(text, &err) == 0);
}

/* What an instant prints is one, and prints the same. */
static void check_instant(struct slice text)
{
    struct buf once = {0}, twice = {0};
    if (instant_put(&once, text) == 0) {
        PROMISE(instant_put(&twice, buf_slice(&once)) == 0);
        PROMISE(slice_eq(buf_slice(&once), buf_slice(&twice)));
    }
    buf_free(&once);
    buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_input(data, size);
    struct path p;
    struct ditto_error err = {0};
    check_path(text, GROUP_THINGS);
    check_path(text, GROUP_POLICIES);
    (void)path_parse_message(text, &p, &err);
    check_pointer(text, POINTER_RFC6901);
    check_pointer(text, POINTER_DITTO);
    check_names(text);
    check_instant(text);
    return 0;
}
