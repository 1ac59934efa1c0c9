#include "ctl/trial.h"

#include <stdio.h>
#include <unistd.h>

#include "ctl/document.h"

#include "base/log.h"
#include "base/banned.h"

/* --- under another id --- */

struct names {
    struct slice old, new;
};

/* Labels that a connection declares or issues begin with its id. */
static void put_label(struct buf *dst, const struct names *n, struct json v)
{
    struct buf decoded = {0}, label = {0};
    struct slice text = json_text(v, &decoded);
    if (slice_starts(text, n->old) && slice_starts(slice_skip(text, n->old.len), S(":"))) {
        buf_put_slice(&label, n->new);
        buf_put_slice(&label, slice_skip(text, n->old.len));
        json_put_text(dst, buf_slice(&label));
    } else {
        json_put_compact(dst, v);
    }
    buf_free(&decoded);
    buf_free(&label);
}

typedef void put_with_names(struct buf *dst, const struct names *n, struct json v);

static void put_each(struct buf *dst, const struct names *n, struct json list, put_with_names *put)
{
    struct json_iter it = json_iter(list);
    buf_putc(dst, '[');
    while (json_next(&it)) {
        json_put_item(dst);
        put(dst, n, it.value);
    }
    buf_putc(dst, ']');
}

static void put_end(struct buf *dst, const struct names *n, struct json end)
{
    struct json_iter it = json_iter(end);
    buf_putc(dst, '{');
    while (json_next(&it)) {
        json_put_item(dst);
        buf_printf(dst, "\"%.*s\":", SLICE_ARG(it.key));
        if (json_key_is(it.key, S("declaredAcks")))
            put_each(dst, n, it.value, put_label);
        else if (json_key_is(it.key, S("issuedAcknowledgementLabel")))
            put_label(dst, n, it.value);
        else
            json_put_compact(dst, it.value);
    }
    buf_putc(dst, '}');
}

/* The document is the store's own: an object whose sources and targets are lists of objects. */
static void put_renamed(struct buf *dst, const struct names *n, struct json document)
{
    struct json_iter it = json_iter(document);
    buf_putc(dst, '{');
    while (json_next(&it)) {
        json_put_item(dst);
        buf_printf(dst, "\"%.*s\":", SLICE_ARG(it.key));
        if (json_key_is(it.key, S("id")))
            json_put_text(dst, n->new);
        else if (json_key_is(it.key, S("sources")) || json_key_is(it.key, S("targets")))
            put_each(dst, n, it.value, put_end);
        else
            json_put_compact(dst, it.value);
    }
    buf_putc(dst, '}');
}

/* --- asking --- */

static int document_of_id(struct ctl *ctl, struct buf *dst, const char *id)
{
    struct line answer;
    char other[64];
    ctl_ask_about(ctl, "retrieveConnection", slice_str(id), true, &answer);
    if (client_refusal(&answer).type != JSON_ABSENT)
        return ctl_print_answer(ctl, &answer, S(""));
    (void)snprintf(other, sizeof other, "test-%ld-%lld", (long)getpid(), (long long)clock_ms());
    const struct names names = {slice_str(id), slice_str(other)};
    put_renamed(dst, &names, json_get(answer.signal, S("connection")));
    return EXIT_DONE;
}

static int document_of_file(struct ctl *ctl, struct buf *dst, const char *path)
{
    struct buf text = {0};
    struct json v;
    int rc = document_parse(ctl, path, &text, &v);
    if (rc == EXIT_DONE)
        json_put_compact(dst, v);
    buf_wipe(&text);
    return rc;
}

/* Parts first, a line each, then what was answered besides. */
static int print(struct ctl *ctl, const struct line *answer)
{
    struct json refusal = client_refusal(answer);
    bool refused = refusal.type != JSON_ABSENT;
    struct json said = refused ? refusal : answer->signal, parts = json_get(said, S("parts"));
    struct json_iter it = json_iter(parts);
    int64_t status = 0;
    while (parts.type == JSON_ARRAY && json_next(&it))
        ctl_print(ctl, it.value);
    json_put_with(&ctl->out, said, S("parts"), SLICE_NONE);
    buf_putc(&ctl->out, '\n');
    ctl_flush(ctl);
    bool good = !refused && json_int(json_get(said, S("status")), &status) == 0 && status < 400;
    return good ? EXIT_DONE : EXIT_NEGATIVE;
}

int trial(struct ctl *ctl, const char *operand)
{
    struct buf document = {0}, members = {0};
    struct line answer;
    int rc = document_is_path(operand) ? document_of_file(ctl, &document, operand)
                                       : document_of_id(ctl, &document, operand);
    if (rc == EXIT_DONE) {
        json_put_member(&members, S("connection"), buf_slice(&document));
        ctl_ask(ctl, &(struct request){.command = "testConnection", .members = buf_slice(&members)}, &answer);
        rc = print(ctl, &answer);
    }
    buf_wipe(&document);
    buf_wipe(&members);
    return rc;
}
