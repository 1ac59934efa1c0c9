#include "hub/hello.h"

#include "base/banned.h"

enum { HELLO_KEEP_BYTES = 65536 };

static const char code[] = "connectivity:connection.configuration.invalid";

#define DESCRIPTION "The first line of a member is its hello: see conn-hub(1)."

static int read_role(struct json v, enum role *out, struct ditto_error *err)
{
    static const struct {
        const char *name;
        enum role role;
    } roles[] = {
        {"in", ROLE_IN},   {"out", ROLE_OUT},         {"service", ROLE_SERVICE},
        {"tap", ROLE_TAP}, {"control", ROLE_CONTROL},
    };
    struct slice raw = json_raw(v);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (raw.p && slice_eq(raw, slice_str(roles[i].name))) {
            *out = roles[i].role;
            return 0;
        }
    return ditto_fail(err, 400, code, DESCRIPTION, "/role",
                      "The role is none of in, out, service, tap, control.");
}

static int read_client(struct json v, const struct connection *c, unsigned *out, struct ditto_error *err)
{
    int64_t n = 0;
    if (json_present(v) && (json_int(v, &n) < 0 || n < 0 || n >= c->client_count))
        return ditto_fail(err, 400, code, DESCRIPTION, "/client",
                          "The client is no number below the clientCount %u of the connection '%.*s'.",
                          c->client_count, SLICE_ARG(c->id));
    *out = (unsigned)n;
    return 0;
}

int hello_connection(struct json document, struct connection *c, struct ditto_error *err)
{
    static const char *const secret[] = {"credentials", "sshTunnel", "ca"};
    struct buf text[2] = {{0}, {0}};
    size_t i = 0;
    for (; i < sizeof secret / sizeof *secret; i++) {
        struct buf *b = &text[i % 2];
        buf_reset(b, HELLO_KEEP_BYTES);
        json_put_with(b, document, slice_str(secret[i]), SLICE_NONE);
        document = (struct json){JSON_OBJECT, buf_p(b), b->len};
    }
    int rc = connection_parse(c, json_slice(document), err);
    buf_free(&text[0]);
    buf_free(&text[1]);
    return rc;
}

int hello_read(struct slice line, struct hello *out, struct ditto_error *err)
{
    struct json root, connection;
    struct json_error why;
    int64_t version;
    if (json_parse(line, &root, &why) < 0)
        return ditto_fail(err, 400, "json.invalid", DESCRIPTION, NULL,
                          "The hello is no JSON: %s at byte %zu.", why.reason, why.offset);
    if (json_int(json_get(root, S("hello")), &version) < 0 || version != 1)
        return ditto_fail(err, 400, code, DESCRIPTION, "/hello", "This is no hello of version 1.");
    if (read_role(json_get(root, S("role")), &out->role, err) < 0)
        return -1;
    out->client = 0;
    if (out->role == ROLE_CONTROL)
        return 0;
    if (out->role == ROLE_SERVICE || out->role == ROLE_TAP)
        return offer_read(&out->offer, root, out->role == ROLE_SERVICE, err);
    connection = json_get(root, S("connection"));
    if (!json_is(connection, JSON_OBJECT))
        return ditto_fail(err, 400, code, DESCRIPTION, "/connection", "The hello has no connection.");
    if (hello_connection(connection, &out->connection, err) < 0)
        return -1;
    if (read_client(json_get(root, S("client")), &out->connection, &out->client, err) == 0)
        return 0;
    connection_free(&out->connection);
    return -1;
}

void hello_answer(struct buf *dst, const struct ditto_error *err)
{
    buf_puts(dst, "{\"hello\":1");
    if (err) {
        json_put_key(dst, S("error"));
        ditto_error_put(dst, err, true);
    }
    buf_puts(dst, "}\n");
}
