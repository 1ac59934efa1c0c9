/* mqtt.c: rules of MQTT 3.1.1 and MQTT 5 connections. Source: MQTT 5.0 section 4.7; Ditto, "MQTT protocol binding". */
#include "connection/rules.h"
#include "connection/specific.h"

#include "base/banned.h"

enum { TOPIC_MAX_BYTES = 65535 };

static const char *level_wrong(struct slice level, bool last)
{
    if (level.len > 1 && (memchr(level.p, '+', level.len) || memchr(level.p, '#', level.len)))
        return "a wildcard must stand alone in its level";
    if (!last && slice_eq(level, S("#")))
        return "'#' must be the last level";
    return NULL;
}

static const char *text_wrong(struct slice s)
{
    if (!s.len)
        return "it is empty";
    if (s.len > TOPIC_MAX_BYTES)
        return "it is longer than 65535 bytes";
    return memchr(s.p, 0, s.len) ? "it contains a NUL character" : NULL;
}

static bool has_wildcard(struct slice s)
{
    return s.len && (memchr(s.p, '+', s.len) || memchr(s.p, '#', s.len));
}

/* "$share/group/filter": takes off what stands before the filter. */
static const char *skip_share(struct slice *address)
{
    if (!slice_starts(*address, S("$share/")))
        return NULL;
    struct slice rest = slice_skip(*address, S("$share/").len), group = slice_cut(&rest, '/');
    if (!group.len || has_wildcard(group) || !rest.len)
        return "a shared subscription has the form $share/group/filter";
    *address = rest;
    return NULL;
}

const char *mqtt_source_address(struct slice address)
{
    const char *wrong = text_wrong(address);
    if (!wrong)
        wrong = skip_share(&address);
    while (!wrong && address.p) {
        struct slice level = slice_cut(&address, '/');
        wrong = level_wrong(level, !address.p);
    }
    return wrong;
}

const char *mqtt_target_address(struct slice address)
{
    struct slice literal, expr;
    const char *wrong = text_wrong(address);
    while (!wrong && template_next(&address, &literal, &expr)) {
        if (has_wildcard(literal))
            wrong = "a topic to publish to has no wildcards";
    }
    return wrong;
}

/* What is no duration counts as absent, as in Ditto. */
static void keep_alive(const struct connection *c, struct connection_problems *p)
{
    enum { KEEP_ALIVE_MAX_S = 65535 };
    int64_t ms;
    if (specific_duration_ms(c, "keepAlive", &ms) == 0 && (ms < 0 || ms / 1000 > KEEP_ALIVE_MAX_S))
        PROBLEM(p, specific_at("keepAlive"), CONFIG_INVALID, NULL,
                "The keep alive interval must be 0 to %d seconds.", KEEP_ALIVE_MAX_S);
}

static void last_will(const struct connection *c, struct connection_problems *p)
{
    int64_t n;
    struct slice topic = connection_specific(c, S("lastWillTopic"));
    if (!topic.p)
        return;
    const char *wrong = text_wrong(topic);
    if (!wrong && has_wildcard(topic))
        wrong = "a topic to publish to has no wildcards";
    if (wrong)
        PROBLEM(p, specific_at("lastWillTopic"), CONFIG_INVALID, NULL,
                "The last will topic is not valid: %s.", wrong);
    if (specific_int(c, "lastWillQos", &n) == 0 && (n < 0 || n > 2))
        PROBLEM(p, specific_at("lastWillQos"), CONFIG_INVALID, NULL, "The 'lastWillQos' must be 0 to 2.");
}

void mqtt_check(const struct connection *c, struct connection_problems *p)
{
    keep_alive(c, p);
    last_will(c, p);
}

/* --- MQTT 3.1.1 has no headers: three names stand for what a PUBLISH packet says --- */

static bool is_packet_header(struct slice name)
{
    return slice_eq(name, S("mqtt.topic")) || slice_eq(name, S("mqtt.qos")) ||
           slice_eq(name, S("mqtt.retain"));
}

static bool placeholder_ok(struct slice text)
{
    struct slice name = text, prefix = slice_cut(&name, ':');
    return !slice_eq(prefix, S("header")) || is_packet_header(name);
}

static bool stage_ok(struct slice stage)
{
    struct template_call call;
    struct ditto_error ignored = {0};
    bool fine = true;
    if (!slice_starts(stage, S("fn:")))
        return placeholder_ok(stage);
    if (template_call(stage, &call, &ignored) < 0)
        return true; /* reported already */
    for (size_t i = 0; i < call.n; i++)
        fine = fine && (!call.parameters[i].placeholder || placeholder_ok(call.parameters[i].text));
    return fine;
}

/* Constants, and headers that there are. */
static bool inbound_value_ok(struct slice template)
{
    struct slice literal, expression, stage;
    bool fine = (template_placeholders(template) & ~(unsigned)PLACEHOLDER_HEADER) == 0;
    while (fine && template_next(&template, &literal, &expression)) {
        while (fine && expression.p && template_stage(&expression, &stage))
            fine = stage_ok(stage);
    }
    return fine;
}

static void inbound_mapping(const struct source *s, struct connection_problems *p)
{
    struct where at = where_name(source_at(s), "headerMapping");
    for (size_t i = 0; i < s->header_mapping.n; i++) {
        if (!inbound_value_ok(s->header_mapping.v[i].value))
            PROBLEM(p, where_key(at, s->header_mapping.v[i].name), CONFIG_INVALID, NULL,
                    "MQTT 3.1.1 knows only the headers mqtt.topic, mqtt.qos and mqtt.retain.");
    }
}

static void outbound_mapping(const struct pairs *mapping, struct where end, struct connection_problems *p)
{
    for (size_t i = 0; i < mapping->n; i++) {
        struct where at = where_key(where_name(end, "headerMapping"), mapping->v[i].name);
        if (!is_packet_header(mapping->v[i].name))
            PROBLEM(p, at, CONFIG_INVALID, NULL,
                    "MQTT 3.1.1 knows only the headers mqtt.topic, mqtt.qos and mqtt.retain.");
        check_template(p, at, mapping->v[i].value, PLACEHOLDER_HEADER);
    }
}

void mqtt3_check(const struct connection *c, struct connection_problems *p)
{
    for (size_t i = 0; i < c->n_sources; i++) {
        struct where reply = where_name(source_at(&c->sources[i]), "replyTarget");
        inbound_mapping(&c->sources[i], p);
        outbound_mapping(&c->sources[i].reply.header_mapping, reply, p);
    }
    for (size_t i = 0; i < c->n_targets; i++)
        outbound_mapping(&c->targets[i].header_mapping, target_at(&c->targets[i]), p);
    mqtt_check(c, p);
}
