/* adapter_way.c: what the parts of the adapter share. */
#include "protocol/adapter_way.h"

#include <stdlib.h>

#include "base/banned.h"

struct text_block {
    struct text_block *next;
    struct buf text;
};

struct slice texts_decode_raw(struct texts *t, struct slice raw)
{
    if (t->plain || raw.len == 0 || !memchr(raw.p, '\\', raw.len))
        return raw;
    struct text_block *b = xcalloc(1, sizeof *b);
    b->next = t->first;
    t->first = b;
    return json_raw_text(raw, &b->text);
}

struct slice texts_decode(struct texts *t, struct json v)
{
    return v.type == JSON_STRING ? texts_decode_raw(t, json_raw(v)) : SLICE_NONE;
}

void texts_free(struct texts *t)
{
    for (struct text_block *b = t->first, *next; b; b = next) {
        next = b->next;
        buf_free(&b->text);
        free(b);
    }
    t->first = NULL;
}

void way_put_topic_id(struct way *w, struct buf *dst)
{
    buf_putc(dst, '"');
    way_put_text(w, dst, w->topic.namespace);
    buf_putc(dst, ':');
    way_put_text(w, dst, w->topic.name);
    buf_putc(dst, '"');
}

const char *way_id_member(const struct way *w)
{
    static const char *const names[] = {[ENTITY_THING] = "thingId",
                                        [ENTITY_POLICY] = "policyId",
                                        [ENTITY_CONNECTION] = "connectionId",
                                        [ENTITY_NAMESPACED] = "entityId"};
    return names[w->entity];
}

int way_check_topic_id(struct way *w)
{
    return entity_id_check(w->topic.namespace, w->topic.name, w->entity, w->err);
}

void way_put_key(struct buf *dst, const char *name)
{
    PUT(dst, ",\"");
    buf_puts(dst, name);
    PUT(dst, "\":");
}

struct value_way way_values(struct way *w, const char *wrong_kind)
{
    return (struct value_way){.dst = w->out,
                              .err = w->err,
                              .wrong_kind = wrong_kind,
                              .odd_keys = w->inside->notes.odd_key,
                              .id = SLICE_NONE};
}

int way_missing(struct way *w, const char *member)
{
    return ditto_fail(w->err, 400, "json.field.missing", "Add it to the message.", NULL,
                      "The member '%s' is missing.", member);
}

int way_wrong_type(struct way *w, const char *member, const char *code)
{
    return ditto_fail(w->err, 400, code, "Check its JSON type and value.", NULL,
                      "The member '%s' has the wrong type.", member);
}
