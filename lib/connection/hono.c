#include "connection/hono.h"

#include <stdlib.h>

#include "connection/reader.h"
#include "connection/rules.h"

#include "base/banned.h"

#define COMMAND          S("command")
#define COMMAND_RESPONSE S("command_response")

/* --- rules --- */

const char *hono_source_address(struct slice address)
{
    bool known = slice_eq(address, S("telemetry")) || slice_eq(address, S("event")) ||
                 slice_eq(address, COMMAND_RESPONSE);
    return known ? NULL : "it must be one of telemetry, event, command_response";
}

const char *hono_target_address(struct slice address)
{
    return slice_eq(address, COMMAND) ? NULL : "it must be command";
}

/* --- settings --- */

static const char *setting(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value ? value : fallback;
}

struct hono_settings hono_settings_of_environment(void)
{
    return (struct hono_settings){
        .uri = setting("HONO_CONNECTION_URI", "tcp://localhost:9092"),
        .bootstrap_servers = setting("HONO_CONNECTION_BOOTSTRAP_SERVERS", "localhost:9092"),
        .sasl_mechanism = setting("HONO_CONNECTION_SASL_MECHANISM", "PLAIN"),
        .user = setting("HONO_CONNECTION_HONO_USERNAME", ""),
        .password = setting("HONO_CONNECTION_HONO_PASSWORD", ""),
        .validate_certificates =
            strcmp(setting("HONO_CONNECTION_VALIDATE_CERTIFICATE", "false"), "true") == 0,
    };
}

/* --- resolving --- */

static struct slice tenant_of(const struct connection *c)
{
    struct slice tenant = connection_specific(c, S("honoTenantId"));
    return tenant.len ? tenant : c->id;
}

static void put_encoded(struct buf *dst, const char *text)
{
    for (const char *p = text; *p; p++) {
        unsigned char b = (unsigned char)*p;
        bool plain =
            (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || strchr("-._~", b);
        if (plain)
            buf_putc(dst, *p);
        else
            buf_printf(dst, "%%%02X", b);
    }
}

/* The base URI with the user's name and password put in. */
static void put_uri(struct buf *dst, const struct hono_settings *s)
{
    struct buf uri = {0};
    struct slice rest = slice_str(s->uri), scheme = slice_cut(&rest, ':');
    buf_printf(&uri, "%.*s://", SLICE_ARG(scheme));
    if (*s->user || *s->password) {
        put_encoded(&uri, s->user);
        buf_putc(&uri, ':');
        put_encoded(&uri, s->password);
        buf_putc(&uri, '@');
    }
    buf_put_slice(&uri, slice_skip(rest, slice_starts(rest, S("//")) ? 2 : 0));
    json_put_text(dst, buf_slice(&uri));
    buf_wipe(&uri);
}

static void put_specific(struct buf *dst, const struct connection *c, const struct hono_settings *s)
{
    struct slice group = connection_specific(c, S("groupId"));
    buf_putc(dst, '{');
    json_put_member_text(dst, S("saslMechanism"), slice_str(s->sasl_mechanism));
    json_put_member_text(dst, S("bootstrapServers"), slice_str(s->bootstrap_servers));
    json_put_member_text(dst, S("groupId"), group.len ? group : c->id);
    buf_putc(dst, '}');
}

static void put_address(struct buf *dst, const struct connection *c, struct slice alias)
{
    struct buf address = {0};
    if (slice_eq(alias, COMMAND))
        buf_printf(&address, "hono.command.%.*s/{{thing:id}}", SLICE_ARG(tenant_of(c)));
    else if (!hono_source_address(alias))
        buf_printf(&address, "hono.%.*s.%.*s", SLICE_ARG(alias), SLICE_ARG(tenant_of(c)));
    else
        buf_put_slice(&address, alias);
    json_put_text(dst, buf_slice(&address));
    buf_free(&address);
}

struct extra { /* a header that is mapped unless the connection does so itself */
    struct slice name, value;
    bool wanted;
};

static void put_mapping(struct buf *dst, const struct pairs *own, const struct extra *extra, size_t n)
{
    buf_putc(dst, '{');
    for (size_t i = 0; i < own->n; i++)
        json_put_member_text(dst, own->v[i].name, own->v[i].value);
    for (size_t i = 0; i < n; i++) {
        if (extra[i].wanted && !pairs_get(own, extra[i].name).p)
            json_put_member_text(dst, extra[i].name, extra[i].value);
    }
    buf_putc(dst, '}');
}

#define COUNT(a)       (sizeof(a) / sizeof(*(a)))
#define DEVICE_ID      S("device_id"), S("{{ thing:id }}")
#define CORRELATION_ID S("correlation-id"), S("{{ header:correlation-id }}")

static void put_reply_mapping(struct buf *dst, const struct reply_target *r)
{
    bool command = slice_eq(r->address, COMMAND);
    const struct extra extra[] = {
        {DEVICE_ID, command},
        {S("subject"),
         S("{{ header:subject | fn:default(topic:action-subject) | fn:default(topic:criterion) }}-response"),
         command},
        {CORRELATION_ID, true},
    };
    put_mapping(dst, &r->header_mapping, extra, COUNT(extra));
}

static void put_source_mapping(struct buf *dst, const struct source *s)
{
    bool response = slices_have(&s->addresses, COMMAND_RESPONSE);
    const struct extra extra[] = {{CORRELATION_ID, response},
                                  {S("status"), S("{{ header:status }}"), response}};
    put_mapping(dst, &s->header_mapping, extra, COUNT(extra));
}

static bool is_live(const struct target *t)
{
    for (size_t i = 0; i < t->n_topics; i++) {
        if (t->topics[i].stream == STREAM_MESSAGES || t->topics[i].stream == STREAM_LIVE_COMMANDS)
            return true;
    }
    return false;
}

static void put_target_mapping(struct buf *dst, const struct target *t)
{
    const struct extra extra[] = {
        {DEVICE_ID, true},
        {CORRELATION_ID, true},
        {S("subject"), S("{{ header:subject | fn:default(topic:action-subject) }}"), true},
        {S("response-required"), S("{{ header:response-required }}"), is_live(t)},
    };
    put_mapping(dst, &t->header_mapping, extra, COUNT(extra));
}

/* Replaces members of an object, one after the other. */
struct edition {
    struct buf text, value;
};

static void edition_start(struct edition *e, struct json v)
{
    *e = (struct edition){0};
    json_put_compact(&e->text, v);
}

static void edition_set(struct edition *e, const char *name)
{
    struct buf next = {0};
    struct json v = {JSON_OBJECT, buf_p(&e->text), e->text.len};
    json_put_with(&next, v, slice_str(name), e->value.len ? buf_slice(&e->value) : SLICE_NONE);
    buf_wipe(&e->text);
    buf_wipe(&e->value);
    e->text = next;
}

static void edition_end(struct edition *e, struct buf *dst)
{
    buf_put_slice(dst, buf_slice(&e->text));
    buf_wipe(&e->text);
}

static void put_reply(struct buf *dst, const struct connection *c, const struct source *s, struct json reply)
{
    struct edition e;
    bool kept = s->reply.present &&
                (slices_have(&s->addresses, S("telemetry")) || slices_have(&s->addresses, S("event")));
    if (!kept) {
        buf_puts(dst, "{\"enabled\":false}");
        return;
    }
    edition_start(&e, reply);
    put_address(&e.value, c, s->reply.address);
    edition_set(&e, "address");
    put_reply_mapping(&e.value, &s->reply);
    edition_set(&e, "headerMapping");
    edition_end(&e, dst);
}

static void put_source(struct buf *dst, const struct connection *c, const struct source *s, struct json v)
{
    struct edition e;
    edition_start(&e, v);
    buf_putc(&e.value, '[');
    for (size_t i = 0; i < s->addresses.n; i++) {
        json_put_item(&e.value);
        put_address(&e.value, c, s->addresses.v[i]);
    }
    buf_putc(&e.value, ']');
    edition_set(&e, "addresses");
    put_source_mapping(&e.value, s);
    edition_set(&e, "headerMapping");
    put_reply(&e.value, c, s, json_get(v, S("replyTarget")));
    edition_set(&e, "replyTarget");
    edition_end(&e, dst);
}

static void put_target(struct buf *dst, const struct connection *c, const struct target *t, struct json v)
{
    struct edition e;
    edition_start(&e, v);
    put_address(&e.value, c, t->address);
    edition_set(&e, "address");
    put_target_mapping(&e.value, t);
    edition_set(&e, "headerMapping");
    edition_end(&e, dst);
}

static void put_sources(struct buf *dst, const struct connection *c, struct json sources)
{
    buf_putc(dst, '[');
    for (size_t i = 0; i < c->n_sources; i++) {
        json_put_item(dst);
        put_source(dst, c, &c->sources[i], json_at(sources, i));
    }
    buf_putc(dst, ']');
}

static void put_targets(struct buf *dst, const struct connection *c, struct json targets)
{
    buf_putc(dst, '[');
    for (size_t i = 0; i < c->n_targets; i++) {
        json_put_item(dst);
        put_target(dst, c, &c->targets[i], json_at(targets, i));
    }
    buf_putc(dst, ']');
}

int connection_put_resolved_hono(struct buf *dst, const struct connection *c, const struct hono_settings *s)
{
    struct edition e;
    struct buf effective = {0};
    if (c->type != TYPE_HONO)
        return -1;
    connection_put_effective(&effective, c);
    struct json v = {JSON_OBJECT, buf_p(&effective), effective.len};
    edition_start(&e, v);
    put_uri(&e.value, s);
    edition_set(&e, "uri");
    put_sources(&e.value, c, json_get(v, S("sources")));
    edition_set(&e, "sources");
    put_targets(&e.value, c, json_get(v, S("targets")));
    edition_set(&e, "targets");
    buf_puts(&e.value, s->validate_certificates ? "true" : "false");
    edition_set(&e, "validateCertificates");
    put_specific(&e.value, c, s);
    edition_set(&e, "specificConfig");
    edition_set(&e, "credentials"); /* none: they are in the URI */
    edition_end(&e, dst);
    buf_wipe(&effective);
    return 0;
}
