#include "mapping/envelope.h"

#include <stdio.h>

#include "base/banned.h"

static int invalid(struct ditto_error *err, const char *pointer, const char *why)
{
    return ditto_fail(err, 400, "json.invalid", why, pointer,
                      "The payload is not valid JSON of a Ditto Protocol message.");
}

static int not_json(struct ditto_error *err, const struct json_error *why)
{
    return ditto_fail(err, 400, "json.invalid", NULL, NULL, "The payload is not valid JSON: %s at byte %zu.",
                      why->reason, why->offset);
}

/* pointer: that of the member, whose name follows the slash. */
static int need_text(struct json v, const char *pointer, struct ditto_error *err)
{
    if (!json_present(v))
        return ditto_fail(err, 400, "json.field.missing", NULL, pointer,
                          "The Ditto Protocol message has no member <%s>.", pointer + 1);
    return v.type == JSON_STRING ? 0 : invalid(err, pointer, "The member is not a string.");
}

int envelope_check(struct envelope *e, struct buf *scratch, struct ditto_error *err)
{
    const struct line *l = &e->line;
    if (json_present(l->headers) && l->headers.type != JSON_OBJECT)
        return invalid(err, "/headers", "The member is not an object.");
    if (need_text(l->topic, "/topic", err) < 0 || need_text(l->path, "/path", err) < 0)
        return -1;
    return topic_parse(json_text(l->topic, scratch), &e->topic, err);
}

int envelope_read(struct envelope *e, struct slice text, struct buf *scratch, struct ditto_error *err)
{
    struct json_error why;
    if (line_read(text, &e->line, &why) < 0)
        return not_json(err, &why);
    return envelope_check(e, scratch, err);
}

void envelope_splice(struct buf *dst, struct json value)
{
    if (memchr(value.p, '\n', value.len))
        json_put_compact(dst, value);
    else
        buf_put_slice(dst, json_slice(value));
}

void envelope_put_topic(struct buf *dst, const struct line *l)
{
    buf_put_slice(dst, S("{\"topic\":"));
    envelope_splice(dst, l->topic);
    buf_put_slice(dst, S(",\"headers\":"));
}

void envelope_put_rest(struct buf *dst, const struct line *l)
{
#define MEMBER(name)                                                                                         \
    {                                                                                                        \
        S(",\"" #name "\":"), &l->name                                                                       \
    }
    const struct {
        struct slice key;
        const struct json *value;
    } members[] = {MEMBER(path),     MEMBER(value),     MEMBER(extra),    MEMBER(status),
                   MEMBER(revision), MEMBER(timestamp), MEMBER(metadata), MEMBER(fields)};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (members[i].value->type == JSON_ABSENT)
            continue;
        buf_put_slice(dst, members[i].key);
        envelope_splice(dst, *members[i].value);
    }
}
