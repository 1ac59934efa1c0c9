#include "mapping/acks.h"

#include "mapping/header.h"

#include "base/banned.h"

bool acks_can_be_requested(const struct topic *t, bool has_status)
{
    if (has_status || t->group != GROUP_THINGS)
        return false;
    if (t->criterion == CRITERION_MESSAGES)
        return true;
    if (t->criterion != CRITERION_COMMANDS)
        return false;
    return t->channel == CHANNEL_LIVE || !slice_eq(t->action, S("retrieve"));
}

struct json acks_list(struct json value, struct buf *scratch)
{
    struct json list = {JSON_ABSENT, NULL, 0};
    struct buf text = {0};
    if (!json_present(value) || value.type == JSON_ARRAY)
        return value.type == JSON_ARRAY ? value : list;
    struct ditto_error none = {.status = 0};
    const struct header_definition *d = header_definition(S("requested-acks"));
    (void)header_put_value(scratch, d, d->name, header_text(value, &text), &none);
    (void)json_parse(buf_slice(scratch), &list, NULL);
    buf_free(&text);
    return list;
}

static bool has(struct json list, struct slice label)
{
    struct json_iter it = json_iter(list);
    while (json_next(&it))
        if (json_text_is(it.value, label))
            return true;
    return false;
}

void acks_put_with(struct buf *dst, struct json list, const struct slices *labels)
{
    buf_putc(dst, '[');
    struct json_iter it = json_iter(list);
    while (json_next(&it)) {
        json_put_item(dst);
        json_put_compact(dst, it.value);
    }
    for (size_t i = 0; i < labels->n; i++) {
        if (has(list, labels->v[i]))
            continue;
        json_put_item(dst);
        json_put_text(dst, labels->v[i]);
    }
    buf_putc(dst, ']');
}

static bool is_hidden(struct json label, struct slice issued)
{
    return json_text_is(label, S("twin-persisted")) || json_text_is(label, S("live-response")) ||
           json_text_is(label, S("search-persisted")) || (issued.p && json_text_is(label, issued));
}

bool acks_put_visible(struct buf *dst, struct json list, struct slice issued)
{
    size_t before = dst->len, left = 0;
    bool had = json_count(list) > 0;
    struct json_iter it = json_iter(list);
    buf_putc(dst, '[');
    while (json_next(&it)) {
        if (is_hidden(it.value, issued))
            continue;
        json_put_item(dst);
        json_put_compact(dst, it.value);
        left++;
    }
    buf_putc(dst, ']');
    if (had && !left)
        buf_cut(dst, before);
    return left || !had;
}
