#include "transport/transport.h"

#include "base/base64.h"
#include "base/log.h"
#include "base/scan.h"
#include "json/json.h"

#include "base/banned.h"

void transport_put_payload(struct buf *line, struct slice bytes)
{
    size_t before = line->len;
    if (utf8_valid(bytes)) {
        buf_puts(line, ",\"text\":");
        json_put_text(line, bytes);
        if (line->len - before <= (size_t)PAYLOAD_MAX_BYTES * 3 / 2)
            return;
        /* mostly control bytes: their escapes would not fit into a line, base64 does */
        buf_cut(line, before);
    }
    buf_puts(line, ",\"bytes\":\"");
    base64_put(line, bytes.p, bytes.len);
    buf_putc(line, '"');
}

/* One source with all addresses, or one target that takes any address. */
static void put_document(struct buf *doc, const char *type, const char *uri, char **addresses, size_t n, int qos)
{
    buf_puts(doc, "{\"id\":\"shell\",\"connectionStatus\":\"open\"");
    json_put_member_text(doc, S("connectionType"), slice_str(type));
    json_put_member_text(doc, S("uri"), slice_str(uri));
    if (n) {
        buf_puts(doc, ",\"sources\":[{\"authorizationContext\":[\"shell\"],\"replyTarget\":{\"enabled\":false},\"addresses\":[");
        for (size_t i = 0; i < n; i++) {
            json_put_item(doc);
            json_put_text(doc, slice_str(addresses[i]));
        }
        buf_printf(doc, "],\"qos\":%d}]}", qos < 0 ? 1 : qos);
    } else {
        buf_printf(doc, ",\"targets\":[{\"address\":\"any\",\"authorizationContext\":[\"shell\"],\"topics\":[],\"qos\":%d}]}",
                   qos < 0 ? 1 : qos);
    }
}

static int from_operands(struct connection *c, const char *type, char **operands, size_t n, int qos, struct ditto_error *err)
{
    struct buf doc = {0};
    int r;
    if (strchr(operands[0], '@'))
        return ditto_fail(err, 400, "connectivity:connection.uri.invalid", NULL, NULL,
                          "user information does not belong on a command line: put it into a connection file (-c)");
    put_document(&doc, type, operands[0], operands + 1, n - 1, qos);
    r = connection_parse(c, buf_slice(&doc), err);
    buf_free(&doc);
    return r;
}

int transport_configure(struct connection *c, const struct program *prog, const char *path, const char *type,
                        char **operands, size_t n, int qos, enum side side)
{
    struct ditto_error err = {0};
    if (path) {
        if (n)
            opt_usage(prog, "-c and a URI exclude each other");
        return connection_load(c, path);
    }
    if (n < (side == SIDE_SOURCE ? 2u : 1u) || (side == SIDE_SINK && n > 1))
        opt_usage(prog, side == SIDE_SOURCE ? "-c, or a URI and addresses, is needed" : "-c, or a URI, is needed");
    if (from_operands(c, type, operands, n, qos, &err) == 0)
        return 0;
    error("cannot use the command line: %s: %s", err.code, err.message);
    return EXIT_PERMANENT;
}

int transport_judge(const struct transport *t, const struct connection *c, int only, enum side side)
{
    struct ditto_error err = {0};
    size_t n = side == SIDE_SOURCE ? c->n_sources : c->n_targets;
    struct channel_config cfg = {.connection = c, .only = only};
    /* a sink may serve reply targets only, so it needs no targets; a source needs what it is named after */
    if ((only >= 0 && (size_t)only >= n) || (side == SIDE_SOURCE && n == 0)) {
        error("cannot use connection '%.*s': it has %zu %s", SLICE_ARG(c->id), n, side == SIDE_SOURCE ? "sources" : "targets");
        return EXIT_PERMANENT;
    }
    if (t->check(&cfg, &err) == 0)
        return 0;
    error("cannot use connection '%.*s': %s: %s (at '%s')", SLICE_ARG(c->id), err.code, err.message, err.pointer);
    return EXIT_PERMANENT;
}
