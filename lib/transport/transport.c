#include "transport/transport.h"

#include <sys/resource.h>
#include <unistd.h>

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

/* --- the connection of a command line ---------------------------------------------------------------------------- */

/* Several programs of a shell may be connected at once: no two of them may claim the same name at the peer. */
static void put_names(struct buf *doc)
{
    unsigned char random[4] = {0};
    (void)!getentropy(random, sizeof random);
    buf_printf(
        doc,
        ",\"specificConfig\":{\"publisherId\":\"\",\"clientId\":\"\",\"jms.clientID\":\"shell-%ld-%02x%02x%02x%02x\"",
        (long)getpid(), random[0], random[1], random[2], random[3]);
}

/* Options behind the URI, ?name=value&…, as they stand: a connection has them in specificConfig. Of equal names the last
 * counts, so the names above give way. */
static void put_specific(struct buf *doc, struct slice options)
{
    put_names(doc);
    while (options.p) {
        struct slice value = slice_cut(&options, '&'), name = slice_cut(&value, '=');
        if (name.len)
            json_put_member_text(doc, name, value.p ? value : S(""));
    }
    buf_putc(doc, '}');
}

/* One source with all addresses, or one target that takes any address. */
static void put_document(struct buf *doc, const char *type, const char *uri, char **addresses, size_t n,
                         int qos)
{
    struct slice options = slice_str(uri), plain = slice_cut(&options, '?');
    buf_puts(doc, "{\"id\":\"shell\",\"connectionStatus\":\"open\"");
    json_put_member_text(doc, S("connectionType"), slice_str(type));
    json_put_member_text(doc, S("uri"), plain);
    put_specific(doc, options);
    if (n) {
        buf_puts(doc,
                 ",\"sources\":[{\"authorizationContext\":[\"shell\"],\"replyTarget\":{\"enabled\":false},"
                 "\"addresses\":[");
        for (size_t i = 0; i < n; i++) {
            json_put_item(doc);
            json_put_text(doc, slice_str(addresses[i]));
        }
        buf_printf(doc, "],\"qos\":%d}]}", qos < 0 ? 1 : qos);
    } else {
        buf_printf(
            doc,
            ",\"targets\":[{\"address\":\"{{ header:address }}\",\"authorizationContext\":[\"shell\"],\"topics\":[],\"qos\":%d}]}",
            qos < 0 ? 1 : qos);
    }
}

static int from_operands(struct connection *c, const char *type, char **operands, size_t n, int qos,
                         struct ditto_error *err)
{
    struct buf doc = {0};
    int r;
    if (strchr(operands[0], '@') || strstr(operands[0], "assword="))
        return ditto_fail(
            err, 400, "connectivity:connection.uri.invalid", NULL, NULL,
            "User information does not belong on a command line: put it into a connection file (-c).");
    put_document(&doc, type, operands[0], operands + 1, n - 1, qos);
    r = connection_parse(c, buf_slice(&doc), err);
    buf_free(&doc);
    return r;
}

static int from_file(struct connection *c, const struct program *prog, const char *path)
{
    int code = connection_load(c, path);
    /* for the life of the process, so it is never given back */
    if (code == 0 && c->id.len)
        log_init(prog->name, xstrndup(c->id.p, c->id.len));
    return code;
}

int transport_configure(struct connection *c, const struct program *prog, const char *path, const char *type,
                        char **operands, size_t n, int qos, enum side side)
{
    struct ditto_error err = {0};
    struct rlimit no_core = {0, 0}; /* it would hold the password */
    (void)setrlimit(RLIMIT_CORE, &no_core);
    if (path) {
        if (n)
            opt_usage(prog, "-c and a URI exclude each other");
        return from_file(c, prog, path);
    }
    if (n < (side == SIDE_SOURCE ? 2u : 1u) || (side == SIDE_SINK && n > 1))
        opt_usage(prog,
                  side == SIDE_SOURCE ? "-c, or a URI and addresses, is needed" : "-c, or a URI, is needed");
    if (from_operands(c, type, operands, n, qos, &err) == 0)
        return 0;
    error("cannot use the command line: %s: %s", err.code, err.message);
    return EXIT_PERMANENT;
}

/* --- what is shown ----------------------------------------------------------------------------------------------- */

const char *transport_shown(struct slice address)
{
    static struct buf shown;
    buf_reset(&shown, 4096);
    connection_put_shown_address(&shown, address);
    return buf_z(&shown);
}

/* --- judging ----------------------------------------------------------------------------------------------------- */

int transport_judge(const struct transport *t, const struct connection *c, int only, enum side side)
{
    struct ditto_error err = {0};
    size_t n = side == SIDE_SOURCE ? c->n_sources : c->n_targets;
    /* a sink may serve reply targets only, so it needs no targets; a source needs what it is named after */
    if ((only >= 0 && (size_t)only >= n) || (side == SIDE_SOURCE && n == 0)) {
        error("cannot use connection '%.*s': it has %zu %s", SLICE_ARG(c->id), n,
              side == SIDE_SOURCE ? "sources" : "targets");
        return EXIT_PERMANENT;
    }
    if (t->check(c, &err) == 0)
        return 0;
    error("cannot use connection '%.*s': %s: %s (at %s)", SLICE_ARG(c->id), err.code, err.message,
          err.pointer[0] ? err.pointer : "/");
    return EXIT_PERMANENT;
}

static bool has_nul(struct slice s)
{
    return s.len && memchr(s.p, 0, s.len);
}

static const char INVALID[] = "connectivity:connection.configuration.invalid";

int transport_check_ends(const struct connection *c, struct ditto_error *err)
{
    struct buf kind = {0};
    struct slice type = json_text(json_get(c->credentials, S("type")), &kind);
    if (json_present(c->ssh_tunnel) && json_get(c->ssh_tunnel, S("enabled")).type == JSON_TRUE)
        ditto_fail(err, 400, INVALID, "Connect directly, or through a tunnel that ssh(1) holds open.",
                   "/sshTunnel", "SSH tunnels (sshTunnel) are not supported.");
    else if (json_present(c->credentials) && !slice_eq(type, S("client-cert")))
        ditto_fail(err, 400, INVALID, NULL, "/credentials", "Credentials of type '%.*s' are not supported.",
                   SLICE_ARG(type));
    else if (c->client_cert.len && !c->uri.tls)
        ditto_fail(err, 400, INVALID, "Use the secure scheme.", "/credentials",
                   "A client certificate needs TLS.");
    else if (has_nul(c->uri.user) || has_nul(c->uri.password))
        ditto_fail(err, 400, INVALID, NULL, "/uri", "A user name or password has no NUL character.");
    buf_free(&kind);
    return err->status ? -1 : 0;
}
