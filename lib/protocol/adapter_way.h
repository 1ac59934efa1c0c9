/* adapter_way.h: what the parts of the adapter share. Private to lib/protocol/adapter*.c. */
#ifndef PROTOCOL_ADAPTER_WAY_H
#define PROTOCOL_ADAPTER_WAY_H

#include "line/line.h"
#include "protocol/adapter.h"
#include "protocol/headers.h"
#include "protocol/ids.h"
#include "protocol/signal_value.h"
#include "protocol/table.h"

/* Decoded texts of a line. Only what is written with escapes is copied; nothing moves until the line is done. */
struct texts {
    bool plain; /* nothing in the line is */
    struct text_block *first;
};
struct slice texts_decode(struct texts *t, struct json v); /* SLICE_NONE if v is no string */
struct slice texts_decode_raw(struct texts *t, struct slice raw);
void texts_free(struct texts *t);

/* A line on its way, in either direction. */
struct way {
    const struct line *line;
    const struct line_inside *inside;
    struct buf *out;
    struct buf *scratch; /* for what has to stand in one piece; its user cuts it */
    struct texts texts;
    struct ditto_error *err;

    const struct signal_row *row;
    struct topic topic; /* inbound: of the envelope; outbound: of the envelope to be */
    struct header_values headers;
    enum entity_type entity;

    /* inbound */
    const struct family *family;
    struct path path;
    int status;                     /* 0: none */
    int64_t revision;               /* of an event */
    size_t headers_at, headers_len; /* where the members of "headers" stand in out */

    /* outbound */
    struct slice id; /* of the entity, "ns:name" */
};

#define PUT(out, literal) buf_put(out, "" literal, sizeof(literal) - 1)

/* adapter_in.c, adapter_out.c: the whole message. 0, or -1 with *err and something of it in out. */
int adapt_in(struct way *w);
int adapt_out(struct way *w);

/* Of several forms, both ways. The signal of an envelope, begun with {"type":"…" and left open: */
int message_in(struct way *w);
/* Those of message.headers with rules of their own, in either direction: header.invalid (400). */
int message_check_headers(struct way *w, struct json headers);
int ack_in(struct way *w);
int acks_in(struct way *w);
int record_in(struct way *w, struct json value);
/* The value of an envelope: ,"value":… */
int message_out(struct way *w);
int acks_out(struct way *w);
int record_out(struct way *w);

/* Of the signal: the member of that name. */
static inline struct json way_member(const struct way *w, const char *name)
{
    return json_view_get(&w->inside->signal, slice_str(name));
}
/* Appends a text of the line as the inside of a JSON string. */
static inline void way_put_text(const struct way *w, struct buf *dst, struct slice text)
{
    if (w->texts.plain)
        buf_put_slice(dst, text);
    else
        json_put_escaped(dst, text);
}
/* Appends "ns:name" of the topic, quoted. */
void way_put_topic_id(struct way *w, struct buf *dst);
/* "thingId", "policyId", "connectionId" */
const char *way_id_member(const struct way *w);
/* Is the entity's id fine? */
int way_check_topic_id(struct way *w);
/* ,"name": */
void way_put_key(struct buf *dst, const char *name);
/* The value, or json.invalid. */
struct json way_value(const struct way *w);
struct value_way way_values(struct way *w, const char *wrong_kind);
int way_missing(struct way *w, const char *member);
int way_wrong_type(struct way *w, const char *member, const char *code);

#endif
