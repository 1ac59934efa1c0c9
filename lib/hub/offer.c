#include "hub/offer.h"

#include <stdlib.h>

#include "protocol/ids.h"

#include "base/banned.h"

enum { NAME_MAX_BYTES = 100, TOPIC_MAX_BYTES = 4096 };

static int fail(struct ditto_error *err, const char *member, const char *what)
{
    char pointer[40] = "/";
    strncat(pointer, member, sizeof pointer - 2);
    return ditto_fail(err, 400, "connectivity:connection.configuration.invalid",
                      "The first line of a member is its hello: see conn-hub(1).", pointer,
                      "The member '%s' of the hello is no %s.", member, what);
}

/* Texts move while they are gathered, so they are cut out of the finished buffer: see take. */
static int put_list(struct offer *o, struct json hello, const char *member, size_t *n,
                    struct ditto_error *err)
{
    struct json list = json_get(hello, slice_str(member));
    *n = 0;
    if (!json_present(list))
        return 0;
    for (struct json_iter it = json_iter(list); json_next(&it); ++*n) {
        struct buf scratch = {0};
        struct slice text = json_text(it.value, &scratch);
        bool fits = text.p && text.len && text.len <= TOPIC_MAX_BYTES && !memchr(text.p, '\n', text.len);
        buf_put_slice(&o->texts, fits ? text : SLICE_NONE);
        buf_putc(&o->texts, '\n');
        buf_free(&scratch);
        if (!fits || *n == OFFER_MAX_ENTRIES)
            return fail(err, member, "array of at most 100 texts");
    }
    return json_is(list, JSON_ARRAY) ? 0 : fail(err, member, "array of texts");
}

static int put_text(struct offer *o, struct json hello, const char *member, bool *there,
                    struct ditto_error *err)
{
    struct json v = json_get(hello, slice_str(member));
    struct buf scratch = {0};
    struct slice text = json_text(v, &scratch);
    bool fits = text.len && text.len <= TOPIC_MAX_BYTES && !memchr(text.p, '\n', text.len);
    *there = json_present(v);
    if (*there && fits) {
        buf_put_slice(&o->texts, text);
        buf_putc(&o->texts, '\n');
    }
    buf_free(&scratch);
    return !*there || fits ? 0 : fail(err, member, "text");
}

static void take(struct slices *list, size_t n, struct slice *rest)
{
    list->n = n;
    list->v = xcalloc(n + 1, sizeof *list->v);
    for (size_t i = 0; i < n; i++)
        list->v[i] = slice_cut(rest, '\n');
}

static int check_labels(const struct offer *o, struct ditto_error *err)
{
    for (size_t i = 0; i < o->labels.n; i++)
        if (ack_label_check(o->labels.v[i], err) < 0)
            return -1;
    return 0;
}

int offer_read(struct offer *o, struct json hello, bool needs_name, struct ditto_error *err)
{
    size_t topics, subscribe, labels;
    bool name, connection, correlation_id;
    *o = (struct offer){.name = SLICE_NONE};
    if (put_list(o, hello, "topics", &topics, err) < 0 ||
        put_list(o, hello, "subscribe", &subscribe, err) < 0 ||
        put_list(o, hello, "labels", &labels, err) < 0 || put_text(o, hello, "service", &name, err) < 0 ||
        put_text(o, hello, "connection", &connection, err) < 0 ||
        put_text(o, hello, "correlation-id", &correlation_id, err) < 0 ||
        (needs_name && !name && fail(err, "service", "name") < 0)) {
        buf_free(&o->texts);
        return -1;
    }
    struct slice rest = buf_slice(&o->texts);
    take(&o->topics, topics, &rest);
    take(&o->subscribe, subscribe, &rest);
    take(&o->labels, labels, &rest);
    o->name = name ? slice_cut(&rest, '\n') : SLICE_NONE;
    o->connection = connection ? slice_cut(&rest, '\n') : SLICE_NONE;
    o->correlation_id = correlation_id ? slice_cut(&rest, '\n') : SLICE_NONE;
    if (o->name.len > NAME_MAX_BYTES && fail(err, "service", "name of at most 100 bytes") < 0) {
        offer_free(o);
        return -1;
    }
    if (check_labels(o, err) == 0)
        return 0;
    offer_free(o);
    return -1;
}

void offer_free(struct offer *o)
{
    buf_free(&o->texts);
    free(o->topics.v);
    free(o->subscribe.v);
    free(o->labels.v);
    *o = (struct offer){.name = SLICE_NONE};
}

bool pattern_matches(struct slice pattern, struct slice topic)
{
    for (int i = 0; i < 2 && pattern.p; i++) {
        struct slice want = slice_cut(&pattern, '/'), got = slice_cut(&topic, '/');
        if (!slice_eq(want, S("_")) && !slice_eq(want, got))
            return false;
    }
    if (!pattern.p)
        return true;
    if (slice_ends(pattern, S("/")))
        pattern.len--;
    return slice_starts(topic, pattern) && (topic.len == pattern.len || topic.p[pattern.len] == '/');
}
