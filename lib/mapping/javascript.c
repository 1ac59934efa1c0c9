/* javascript.c: the JavaScript mapper. How a script runs: js_run.c. Without one for its way it does here what Ditto does then. */
#include "mapping/mapper.h"

#include "protocol/ids.h"

#include "base/banned.h"

enum { SCRIPT_MAX_UNITS = 50000 }; /* of UTF-16 */

/* --- options ---------------------------------------------------------------------------------------------------- */

static int check_size(const struct mapper *m, struct slice script, const char *name, struct ditto_error *err)
{
    if (!script.p || utf16_length(script) <= SCRIPT_MAX_UNITS)
        return 0;
    return ditto_fail(err, 400, "connectivity:message.mapper.config.failed", NULL, NULL,
                      "The %s of the mapper <%.*s> is longer than %d characters.", name, SLICE_ARG(m->id),
                      SCRIPT_MAX_UNITS);
}

/* Appends the script to the program, unless it is blank. */
static int add_script(const struct mapper *m, struct json options, const char *name, struct buf *program,
                      bool *blank, struct ditto_error *err)
{
    struct buf scratch = {0};
    struct slice script = header_text(json_get(options, slice_str(name)), &scratch);
    int r = check_size(m, script, name, err);
    *blank = !slice_trim(script).len;
    if (!*blank)
        json_put_member_text(program, slice_str(name), script);
    buf_free(&scratch);
    return r;
}

static void add_flag(struct json options, struct slice name, struct buf *program)
{
    struct buf scratch = {0};
    if (header_is(header_text(json_get(options, name), &scratch), S("true")))
        json_put_member(program, name, S("true"));
    buf_free(&scratch);
}

/* What a message has depends on what brought it: mapping reference, section 5. */
static struct slice payloads(const struct connection *c)
{
    if (!c)
        return S("as sent");
    switch (c->type) {
    case TYPE_MQTT:
    case TYPE_MQTT_5:
    case TYPE_KAFKA:
    case TYPE_HONO: return S("both");
    case TYPE_AMQP_091: return S("both or bytes");
    default: return S("as sent");
    }
}

/* Both scripts share a world, so one that is only for the other way is loaded too. */
static int configure(struct mapper *m, struct json options, enum way way, struct scripts *scripts,
                     struct ditto_error *err)
{
    struct buf program = {0};
    bool no_incoming, no_outgoing;
    buf_putc(&program, '{');
    int r = add_script(m, options, "incomingScript", &program, &no_incoming, err);
    if (r == 0)
        r = add_script(m, options, "outgoingScript", &program, &no_outgoing, err);
    if (r == 0 && !(way == WAY_IN ? no_incoming : no_outgoing)) {
        add_flag(options, S("loadLongJS"), &program);
        add_flag(options, S("loadBytebufferJS"), &program);
        json_put_member_text(&program, S("payloads"), payloads(m->connection));
        buf_putc(&program, '}');
        mapper_script(m, buf_slice(&program), way, LANGUAGE_JAVASCRIPT, scripts);
    }
    buf_free(&program);
    return r;
}

/* --- without a script --------------------------------------------------------------------------------------------- */

static int incoming(const struct mapper *m, const struct external *msg, struct incoming *to,
                    struct ditto_error *err)
{
    (void)m, (void)err;
    if (msg->has_payload)
        to->v[to->n++] = msg->payload;
    return 0;
}

/* The envelope, with all its headers and a content type of its own. */
static int outgoing(const struct mapper *m, struct slice envelope, struct json correlation_id,
                    struct outgoing *to, struct ditto_error *err)
{
    struct json message, headers;
    (void)m, (void)err, (void)correlation_id;
    (void)json_parse(envelope, &message, NULL);
    headers = json_get(message, S("headers"));
    json_put_with(to->room, headers, S("content-type"), S("\"application/vnd.eclipse.ditto+json\""));
    to->v[to->n++] = (struct published){
        .headers = {JSON_OBJECT, buf_p(to->room), to->room->len}, .kind = PAYLOAD_TEXT, .payload = envelope};
    return 0;
}

const struct engine mapper_javascript = {
    .alias = "JavaScript",
    .class_name = MAPPER_CLASS("javascript.JavaScriptMessageMapperRhino"),
    .needs_definition = true,
    .configure = configure,
    .incoming = incoming,
    .outgoing = outgoing,
};
