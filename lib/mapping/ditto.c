/* ditto.c: the Ditto mapper: the payload is the envelope. */
#include "mapping/mapper.h"

#include "base/banned.h"

int ditto_incoming(const struct mapper *m, const struct external *msg, struct incoming *to,
                   struct ditto_error *err)
{
    if (!msg->payload.len)
        return mapper_fail(m, err, "The payload was absent or empty.");
    to->v[to->n++] = msg->payload;
    return 0;
}

int ditto_outgoing(const struct mapper *m, struct slice envelope, struct json correlation_id,
                   struct outgoing *to, struct ditto_error *err)
{
    (void)m, (void)err;
    to->v[to->n++] = (struct published){
        .content_type = S("application/vnd.eclipse.ditto+json"),
        .correlation_id = correlation_id,
        .kind = PAYLOAD_TEXT,
        .payload = envelope,
    };
    return 0;
}

const struct engine mapper_ditto = {
    .alias = "Ditto",
    .class_name = MAPPER_CLASS("DittoMessageMapper"),
    .blocked = MAPPER_HONO_NOTICES,
    .incoming = ditto_incoming,
    .outgoing = ditto_outgoing,
};
