#include "mapping/acks.h"

#include <stdlib.h>

#include "protocol/ids.h"

#include "base/banned.h"

bool acks_can_be_requested(const struct topic *t, bool has_status)
{
    if (has_status || t->group != GROUP_THINGS)
        return false;
    if (t->criterion == CRITERION_MESSAGES)
        return true;
    if (t->criterion != CRITERION_COMMANDS)
        return false;
    return t->channel == CHANNEL_LIVE || t->verb != ACTION_RETRIEVE;
}

struct json acks_list(struct json value, struct buf *scratch)
{
    struct json object, list = {JSON_ABSENT, NULL, 0};
    struct ditto_error none = {.status = 0};
    struct buf text = {0};
    if (!json_present(value) || value.type == JSON_ARRAY)
        return value.type == JSON_ARRAY ? value : list;
    buf_putc(scratch, '{');
    if (header_put_member(scratch, header_rule(S("requested-acks")), S("requested-acks"),
                          header_text(value, &text), &none) == 0) {
        buf_putc(scratch, '}');
        (void)json_parse(buf_slice(scratch), &object, NULL);
        list = json_get(object, S("requested-acks"));
    }
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

/* --- what a source requests --------------------------------------------------------------------------------------- */

void ack_requests_free(struct ack_requests *r)
{
    for (size_t i = 0; i < r->labels.n; i++)
        free((void *)(uintptr_t)r->labels.v[i].p);
    free(r->labels.v);
    expression_free(&r->filter);
    *r = (struct ack_requests){.filtered = false};
}

/* The labels of the list (JSON_ABSENT: none), and those that it does not have yet. */
static void put_with(struct buf *dst, struct json list, const struct slices *labels)
{
    struct json_iter it = json_iter(list);
    buf_putc(dst, '[');
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

/* The filter's answer to a list; absent (SLICE_NONE): to no value at all. */
static int apply_filter(const struct ack_requests *r, struct slice list, const struct facts *facts,
                        struct scratch *s, struct slice *answer, struct ditto_error *err)
{
    struct values v = {.n = 0};
    scratch_reset(s);
    if (list.p && values_add(&v, scratch_copy(s, list), s, err) < 0)
        return -1;
    if (expression_resolve(&r->filter, facts, s, &v, err) < 0)
        return -1;
    *answer = values_first(&v);
    return 0;
}

/* A list that is filtered away is empty; without a list the filter itself may give one. */
static int put_filtered(struct buf *dst, struct slice list, const struct ack_requests *r,
                        const struct facts *facts, struct scratch *s, struct ditto_error *err)
{
    bool quoted =
        list.p && memchr(list.p, '\'', list.len); /* would end the quotes that Ditto puts around it */
    struct slice answer;
    if (apply_filter(r, list.p && !quoted ? list : S("[]"), facts, s, &answer, err) < 0)
        return -1;
    if (!answer.p)
        answer = S("[]");
    else if (!list.p && apply_filter(r, SLICE_NONE, facts, s, &answer, err) < 0)
        return -1;
    if (!answer.p)
        return 0;
    return header_put_member(dst, header_rule(S("requested-acks")), S("requested-acks"), answer, err);
}

/* A list that is explicitly empty stays so. */
int acks_put_requested(struct buf *dst, struct json list, const struct ack_requests *r,
                       const struct facts *facts, struct scratch *s, struct ditto_error *err)
{
    struct buf text = {0};
    bool empty = list.type == JSON_ARRAY && json_count(list) == 0;
    struct slice now = SLICE_NONE;
    if (list.type == JSON_ARRAY || r->labels.n) {
        put_with(&text, list, empty ? &(struct slices){0, NULL} : &r->labels);
        now = buf_slice(&text);
    }
    int result = 0;
    if (r->filtered)
        result = put_filtered(dst, now, r, facts, s, err);
    else if (now.p)
        json_put_member(dst, S("requested-acks"), now);
    buf_free(&text);
    return result;
}
