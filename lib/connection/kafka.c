/* kafka.c: rules of Kafka connections. Source: Ditto, "Kafka protocol binding"; Kafka's own rules for names of topics. */
#include "connection/rules.h"
#include "connection/specific.h"

#include <strings.h>

#include "base/scan.h"
#include "base/banned.h"

enum {
    TOPIC_MAX = 249,
    EXPRESSION = '\1',      /* stands for an expression in a flattened address */
    EXPRESSION_LENGTH = 20, /* what Ditto takes one for */
    LABEL_MAX = 63,
    PORT_MAX = 65535
};

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Characters of topics and group ids. */
static bool name_char(char c)
{
    return is_alnum(c) || c == '.' || c == '_' || c == '-';
}

/* --- addresses --- */

static const char *topic_wrong(struct slice s)
{
    size_t length = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!name_char(s.p[i]) && s.p[i] != EXPRESSION)
            return "a topic has letters, digits and characters of '._-' only";
        length += s.p[i] == EXPRESSION ? EXPRESSION_LENGTH : 1;
    }
    if (!s.len || slice_eq(s, S(".")) || slice_eq(s, S("..")))
        return "a topic must not be empty, '.' or '..'";
    return length > TOPIC_MAX ? "a topic has at most 249 characters" : NULL;
}

const char *kafka_source_address(struct slice address)
{
    return memchr(address.p, EXPRESSION, address.len) ? "it contains a control character"
                                                      : topic_wrong(address);
}

static const char *partition_wrong(struct slice s)
{
    char digits[16] = "";
    int64_t n;
    if (!s.len)
        return "a partition must not be empty";
    for (size_t i = 0; i < s.len && i < sizeof(digits); i++)
        digits[i] = s.p[i] == EXPRESSION ? '3' : s.p[i];
    bool number =
        s.len < sizeof(digits) && scan_i64(slice_of(digits, s.len), &n) == 0 && n >= 0 && n <= INT32_MAX;
    return number ? NULL : "a partition must be a number, from 0 on";
}

/* topic, topic/key or topic#partition */
static const char *flat_wrong(struct slice s)
{
    const char *slash = s.len ? memchr(s.p, '/', s.len) : NULL,
               *hash = s.len ? memchr(s.p, '#', s.len) : NULL;
    const char *cut = slash && slash > s.p ? slash : hash && hash > s.p ? hash : NULL;
    if (!cut)
        return topic_wrong(s);
    size_t n = (size_t)(cut - s.p);
    const char *wrong = topic_wrong(slice_of(s.p, n));
    struct slice rest = slice_of(cut + 1, s.len - n - 1);
    if (wrong || cut != slash)
        return wrong ? wrong : partition_wrong(rest);
    return rest.len ? NULL : "a key must not be empty";
}

const char *kafka_target_address(struct slice address)
{
    struct slice literal, expression;
    struct buf flat = {0};
    if (memchr(address.p, EXPRESSION, address.len))
        return "it contains a control character";
    while (template_next(&address, &literal, &expression)) {
        buf_put_slice(&flat, literal);
        if (expression.p)
            buf_putc(&flat, EXPRESSION);
    }
    const char *wrong = flat_wrong(buf_slice(&flat));
    buf_free(&flat);
    return wrong;
}

/* --- brokers --- */

static bool host_ok(struct slice s)
{
    while (s.p) {
        struct slice label = slice_cut(&s, '.');
        if (!label.len || label.len > LABEL_MAX || !is_alnum(label.p[0]) || !is_alnum(label.p[label.len - 1]))
            return false;
        for (size_t i = 0; i < label.len; i++) {
            if (!is_alnum(label.p[i]) && label.p[i] != '-')
                return false;
        }
    }
    return true;
}

static bool server_ok(struct slice s)
{
    uint64_t port;
    struct slice host = slice_cut(&s, ':');
    return host_ok(host) && s.p && scan_u64(s, &port) == 0 && port > 0 && port <= PORT_MAX;
}

static bool servers_ok(struct slice list)
{
    struct slice rest = list, item;
    list = slice_trim(list);
    if (!list.len || slice_starts(list, S(",")) || slice_ends(list, S(",")))
        return false;
    while (list_next(&rest, &item)) {
        item = slice_trim(item);
        if (item.len && !server_ok(item))
            return false;
    }
    return true;
}

static void bootstrap_servers(const struct connection *c, struct connection_problems *p)
{
    if (!servers_ok(connection_specific(c, S("bootstrapServers"))))
        PROBLEM(p, specific_at("bootstrapServers"), CONFIG_INVALID,
                "It must be a list host:port, host:port, …",
                "The list of bootstrap servers is missing or not valid.");
}

void kafka_hosts(const struct connection *c, const struct judge *j, struct connection_problems *p)
{
    struct slice rest = connection_specific(c, S("bootstrapServers")), item;
    while (c->type == TYPE_KAFKA && j->host && list_next(&rest, &item)) {
        item = slice_trim(item);
        struct slice host = slice_cut(&item, ':');
        const char *why = host_ok(host) ? j->host(host) : NULL;
        if (why)
            PROBLEM(p, specific_at("bootstrapServers"), CONFIG_INVALID,
                    "Choose another host, or ask the operator to allow it.",
                    "The host '%.*s' must not be connected to: %s.", SLICE_ARG(host), why);
    }
}

/* --- the rest --- */

static bool is_one_of(struct slice s, const char *const *names)
{
    for (; *names; names++) {
        if (s.len == strlen(*names) && strncasecmp(s.p, *names, s.len) == 0)
            return true;
    }
    return false;
}

static void sasl_mechanism(const struct connection *c, struct connection_problems *p)
{
    static const char *const known[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", NULL};
    struct slice name = connection_specific(c, S("saslMechanism"));
    if (c->uri.user.p && name.p && !is_one_of(name, known))
        PROBLEM(p, specific_at("saslMechanism"), CONFIG_INVALID,
                "Allowed are plain, scram-sha-256 and scram-sha-512.", "The SASL mechanism is not known.");
}

static bool name_chars(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!name_char(s.p[i]))
            return false;
    }
    return true;
}

/* What functions make of the id is not looked at. */
static bool group_id_ok(const struct connection *c, struct slice template)
{
    struct slice literal, expression;
    bool some = false, fine = true;
    while (template_next(&template, &literal, &expression)) {
        bool id = slice_eq(slice_trim(expression), S("connection:id"));
        some = some || literal.len || expression.p;
        fine = fine && name_chars(literal) && (!id || name_chars(c->id));
    }
    return some && fine;
}

static void group_id(const struct connection *c, struct connection_problems *p)
{
    struct slice template = connection_specific(c, S("groupId"));
    if (!template.p)
        return;
    check_template(p, specific_at("groupId"), template, PLACEHOLDERS_OF_LABEL);
    if (!group_id_ok(c, template))
        PROBLEM(p, specific_at("groupId"), CONFIG_INVALID,
                "Allowed are letters, digits and characters of '._-'.",
                "The consumer group ID is not valid.");
}

static void offset_reset(const struct connection *c, struct connection_problems *p)
{
    static const char *const known[] = {"earliest", "latest", NULL};
    struct slice name = connection_specific(c, S("consumerOffsetReset"));
    if (name.p && !is_one_of(name, known))
        PROBLEM(p, specific_at("consumerOffsetReset"), CONFIG_INVALID, "Allowed are earliest and latest.",
                "The consumer offset reset is not valid.");
}

void kafka_check(const struct connection *c, struct connection_problems *p)
{
    sasl_mechanism(c, p);
    bootstrap_servers(c, p);
    if (!c->n_sources)
        return;
    group_id(c, p);
    offset_reset(c, p);
}
