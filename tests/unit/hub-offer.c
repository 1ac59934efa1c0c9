/* hub-offer.c: which topics a pattern stands for; what a hello may offer. */
#include "hub/offer.h"
#include "tap.h"

#include "base/banned.h"

static void matches(const char *pattern, const char *topic, bool want)
{
    bool got = pattern_matches(slice_str(pattern), slice_str(topic));
    ok(got == want, "'%s' %s '%s'", pattern, want ? "stands for" : "does not stand for", topic);
}

static void patterns(void)
{
    matches("_/_/things/twin/commands", "ns/t/things/twin/commands/modify", true);
    matches("_/_/things/twin/commands", "ns/t/things/twin/commands", true);
    matches("_/_/things/twin/commands/", "ns/t/things/twin/commands/modify", true);
    matches("_/_/things/twin/commands", "ns/t/things/twin/commandsX", false);
    matches("_/_/things/twin/commands", "ns/t/things/live/commands/modify", false);
    matches("_/_/things/twin/commands/modify", "ns/t/things/twin/commands", false);
    matches("ns/_/things", "ns/t/things/live/messages/a/b", true);
    matches("ns/_/things", "other/t/things/live/messages/a/b", false);
    matches("ns/t", "ns/t/policies/commands/modify", true);
    matches("ns/t", "ns/u/policies/commands/modify", false);
    matches("_", "ns/t/things/twin/commands/modify", true);
    matches("ns", "ns/t/things/twin/commands/modify", true);
    matches("_/_/things/_/commands", "ns/t/things/twin/commands/modify", false);
    matches("_/_/things/live/messages/a", "ns/t/things/live/messages/a/b", true);
    matches("_/_/things/live/messages/a", "ns/t/things/live/messages/ab", false);
    matches("/t/things", "/t/things/twin/commands/modify", true);
}

/* The names of all that was offered, or the error code and the pointer. */
static void offers(const char *hello, bool needs_name, const char *want)
{
    struct json root = {JSON_ABSENT, NULL, 0};
    struct offer o;
    struct ditto_error err = {0};
    struct buf got = {0};
    if (json_parse(slice_str(hello), &root, NULL) < 0) {
        ok(false, "cannot read %s", hello);
        return;
    }
    if (offer_read(&o, root, needs_name, &err) < 0) {
        buf_printf(&got, "%s %s", err.code, err.pointer);
    } else {
        buf_printf(&got, "%.*s:", SLICE_ARG(o.name));
        for (size_t i = 0; i < o.topics.n; i++)
            buf_printf(&got, " %.*s", SLICE_ARG(o.topics.v[i]));
        for (size_t i = 0; i < o.subscribe.n; i++)
            buf_printf(&got, " <%.*s", SLICE_ARG(o.subscribe.v[i]));
        for (size_t i = 0; i < o.labels.n; i++)
            buf_printf(&got, " !%.*s", SLICE_ARG(o.labels.v[i]));
        buf_printf(&got, "%.*s%.*s", SLICE_ARG(o.connection), SLICE_ARG(o.correlation_id));
        offer_free(&o);
    }
    is_slice(buf_slice(&got), slice_str(want), "%.60s", hello);
    buf_free(&got);
}

#define INVALID "connectivity:connection.configuration.invalid "

static void hellos(void)
{
    struct buf many = {0};
    offers("{\"service\":\"s\"}", true, "s:");
    offers(
        "{\"service\":\"s\",\"topics\":[\"a/b\",\"c\\u002fd\"],\"subscribe\":[\"x\"],\"labels\":[\"s:done\"]}",
        true, "s: a/b c/d <x !s:done");
    offers("{\"connection\":\"c\",\"correlation-id\":\"-\"}", false, ":c-");
    offers("{}", false, ":");
    offers("{}", true, INVALID "/service");
    offers("{\"service\":\"\"}", true, INVALID "/service");
    offers("{\"service\":5}", true, INVALID "/service");
    offers("{\"service\":\"a\\nb\"}", true, INVALID "/service");
    offers("{\"service\":\"s\",\"topics\":{}}", true, INVALID "/topics");
    offers("{\"service\":\"s\",\"topics\":[1]}", true, INVALID "/topics");
    offers("{\"service\":\"s\",\"topics\":[\"a\\nb\"]}", true, INVALID "/topics");
    offers("{\"service\":\"s\",\"labels\":[\"a b\"]}", true, "acknowledgement:label.invalid ");
    buf_puts(&many, "{\"service\":\"s\",\"subscribe\":[\"x\"");
    for (int i = 0; i < OFFER_MAX_ENTRIES; i++)
        buf_puts(&many, ",\"x\"");
    buf_puts(&many, "]}");
    offers(buf_z(&many), true, INVALID "/subscribe");
    buf_free(&many);
}

int main(void)
{
    patterns();
    hellos();
    return done();
}
