/* connection-vectors: the files of $VECTORS/connections (default ../shared/vectors): what is judged good or bad, and by which
 * code first; effective, migrated and resolved documents; tables of addresses and hosts. Without them it skips. */
#include "connection/control.h"
#include "connection/hono.h"
#include "connection/hosts.h"
#include "connection/legacy.h"
#include "connection/rules.h"

#include <stdlib.h>

#include "base/io.h"
#include "tap.h"

#include "base/banned.h"

/* --- files --- */

static const char *folder;

static struct json file(const char *name, struct buf *text)
{
    struct buf path = {0};
    struct json v = {JSON_ABSENT, NULL, 0};
    buf_printf(&path, "%s/connections/%s", folder, name);
    if (io_read_file(buf_z(&path), (size_t)1 << 24, text) == 0)
        (void)json_parse(buf_slice(text), &v, NULL);
    buf_free(&path);
    return v;
}

static const char *text_z(struct json v, struct buf *scratch)
{
    struct buf decoded = {0};
    buf_reset(scratch, 1 << 16);
    buf_put_slice(scratch, json_text(v, &decoded));
    buf_free(&decoded);
    return buf_z(scratch);
}

/* --- judging --- */

/* Where the rule is the program's own environment, or what happens only when a client is made. */
static bool is_judged_here(struct json row)
{
    struct json stage = json_get(row, S("stage"));
    return json_text_is(json_get(row, S("kind")), S("connection")) && !json_text_is(stage, S("validate-6"));
}

static bool first_problem_is(const struct connection_problems *p, struct json row)
{
    int64_t status = 0;
    return p->n && json_text_is(json_get(row, S("expected_error")), slice_str(p->v[0].code)) &&
           json_int(json_get(row, S("expected_status")), &status) == 0 && status == p->v[0].status;
}

static void judge(struct json row)
{
    struct buf name = {0}, text = {0};
    struct connection c;
    struct connection_problems p;
    const char *z = text_z(json_get(row, S("file")), &name);
    (void)file(z, &text);
    bool valid = json_get(row, S("valid")).type == JSON_TRUE;
    bool good = connection_judge(&c, buf_slice(&text), &p) == 0;
    if (!ok(valid ? good : !good && first_problem_is(&p, row), "%s", z) && p.n)
        printf("# %d %s: %s (at %s)\n", p.v[0].status, p.v[0].code, p.v[0].message, p.v[0].pointer);
    for (size_t i = 0; i < p.n; i++)
        ok(p.v[i].status && *p.v[i].code && *p.v[i].message, "problem %zu is told", i);
    connection_problems_free(&p);
    if (good)
        connection_free(&c);
    buf_free(&name);
    buf_free(&text);
}

static void test_judging(void)
{
    struct buf text = {0};
    struct json_iter it = json_iter(file("index.json", &text));
    size_t n = 0;
    while (json_next(&it)) {
        if (is_judged_here(it.value))
            judge(it.value), n++;
    }
    ok(n > 70, "%zu files", n);
    buf_free(&text);
}

/* --- documents --- */

static bool same_scalar(struct json a, struct json b)
{
    struct buf x = {0}, y = {0};
    bool same = a.type == b.type && (a.type == JSON_STRING ? slice_eq(json_text(a, &x), json_text(b, &y))
                                                           : slice_eq(json_slice(a), json_slice(b)));
    buf_free(&x);
    buf_free(&y);
    return same;
}

/* Does actual hold all that expected says? Arrays are as long. */
static bool holds(struct json actual, struct json expected)
{
    struct json_iter it = json_iter(expected);
    struct buf name = {0};
    bool fine = actual.type == expected.type;
    if (expected.type != JSON_OBJECT && expected.type != JSON_ARRAY)
        return same_scalar(actual, expected);
    if (expected.type == JSON_ARRAY)
        fine = fine && json_count(actual) == json_count(expected);
    for (size_t i = 0; fine && json_next(&it); i++) {
        fine = holds(expected.type == JSON_ARRAY ? json_at(actual, i)
                                                 : json_get(actual, json_raw_text(it.key, &name)),
                     it.value);
        buf_reset(&name, 1 << 16);
    }
    buf_free(&name);
    return fine;
}

static void check_document(const char *name, struct buf *got, struct json expected)
{
    struct json v;
    if (!ok(json_parse(buf_slice(got), &v, NULL) == 0 && holds(v, expected), "%s", name))
        tap_bytes("got", buf_slice(got));
}

static void test_effective(const char *name, const char *expected)
{
    struct buf text = {0}, got = {0};
    struct connection c;
    struct ditto_error err = {0};
    struct json v = file(name, &text);
    if (ok(connection_parse(&c, json_slice(json_get(v, S("input"))), &err) == 0, "%s is valid %s", name,
           err.message)) {
        connection_put_effective(&got, &c);
        check_document(name, &got, json_get(v, slice_str(expected)));
        connection_free(&c);
    }
    buf_free(&text);
    buf_free(&got);
}

static void test_legacy(void)
{
    struct buf text = {0}, current = {0}, got = {0};
    struct connection c;
    struct ditto_error err = {0};
    struct json v = file("normalize-stored-legacy.json", &text), stored = json_get(v, S("input_stored"));
    ok(connection_parse(&c, json_slice(stored), &err) < 0, "an old document is not valid today");
    connection_put_migrated(&current, stored);
    err = (struct ditto_error){0};
    if (ok(connection_parse(&c, buf_slice(&current), &err) == 0, "but once it is migrated %s", err.message)) {
        connection_put_effective(&got, &c);
        check_document("normalize-stored-legacy.json", &got, json_get(v, S("expected_fragment")));
        connection_free(&c);
    }
    buf_free(&text);
    buf_free(&current);
    buf_free(&got);
}

static void test_hono(void)
{
    struct buf text = {0}, got = {0}, user = {0}, password = {0}, uri = {0}, servers = {0}, sasl = {0};
    struct connection c;
    struct ditto_error err = {0};
    struct json v = file("normalize-hono-resolved.json", &text), config = json_get(v, S("service_config"));
    const struct hono_settings settings = {
        .uri = text_z(json_get(config, S("base-uri")), &uri),
        .bootstrap_servers = text_z(json_get(config, S("bootstrap-servers")), &servers),
        .sasl_mechanism = text_z(json_get(config, S("sasl-mechanism")), &sasl),
        .user = text_z(json_get(config, S("username")), &user),
        .password = text_z(json_get(config, S("password")), &password),
    };
    if (ok(connection_parse(&c, json_slice(json_get(v, S("input"))), &err) == 0, "hono %s", err.message)) {
        ok(connection_put_resolved_hono(&got, &c, &settings) == 0, "is resolved");
        check_document("normalize-hono-resolved.json", &got, json_get(v, S("expected_fragment")));
        connection_free(&c);
    }
    struct buf *all[] = {&text, &got, &user, &password, &uri, &servers, &sasl};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_free(all[i]);
}

/* A member of expected stands in the effective document at this place; null means that it is not there. */
static const struct {
    const char *name, *at;
} effective_places[] = {
    {"sourceHeaderMapping", "/sources/0/headerMapping"},
    {"replyTarget", "/sources/0/replyTarget"},
    {"payloadMapping", "/sources/0/payloadMapping"},
    {"consumerCount", "/sources/0/consumerCount"},
    {"targetHeaderMapping", "/targets/0/headerMapping"},
    {"targetPayloadMapping", "/targets/0/payloadMapping"},
    {"mappingDefinitions", "/mappingDefinitions"},
    {"clientCount", "/clientCount"},
    {"failoverEnabled", "/failoverEnabled"},
    {"validateCertificates", "/validateCertificates"},
    {"processorPoolSize", "/processorPoolSize"},
};

static bool effective_row_holds(struct json row)
{
    struct connection c;
    struct ditto_error err = {0};
    struct buf got = {0};
    struct json v, expected = json_get(row, S("expected"));
    if (connection_parse_for_mapping(&c, json_slice(json_get(row, S("connection"))), &err) < 0)
        return false;
    connection_put_effective(&got, &c);
    bool fine = json_parse(buf_slice(&got), &v, NULL) == 0;
    for (size_t i = 0; i < sizeof effective_places / sizeof *effective_places; i++) {
        struct json want = json_get(expected, slice_str(effective_places[i].name));
        struct json is = json_pointer(v, slice_str(effective_places[i].at));
        if (want.type == JSON_NULL)
            fine = fine && is.type == JSON_ABSENT;
        else if (want.type != JSON_ABSENT)
            fine = fine && holds(is, want) && holds(want, is);
    }
    connection_free(&c);
    buf_free(&got);
    return fine;
}

static void test_effective_rows(void)
{
    struct buf path = {0}, text = {0};
    unsigned n = 0;
    buf_printf(&path, "%s/mapping/header-mapping.ndjson", folder);
    (void)io_read_file(buf_z(&path), (size_t)1 << 24, &text);
    for (struct slice rest = buf_slice(&text); rest.p;) {
        struct json row;
        struct slice line = slice_cut(&rest, '\n');
        if (json_parse(line, &row, NULL) < 0 ||
            !json_text_is(json_get(row, S("direction")), S("effective-config")))
            continue;
        n++;
        if (!ok(effective_row_holds(row), "effective row %u", n))
            tap_bytes("row", line);
    }
    ok(n > 5, "%u effective rows", n);
    buf_free(&path);
    buf_free(&text);
}

/* --- tables --- */

typedef const char *address_rule(struct slice address);

static bool address_good(address_rule *wrong, struct slice address)
{
    struct ditto_error err = {0};
    return address.len && !wrong(address) && template_check(address, PLACEHOLDERS_OF_MESSAGE, &err) == 0;
}

static void check_addresses(struct json table, const char *kind, address_rule *wrong, bool valid)
{
    struct buf decoded = {0};
    struct json_iter it =
        json_iter(json_get(json_get(table, slice_str(kind)), valid ? S("valid") : S("invalid")));
    while (json_next(&it)) {
        struct slice address = json_text(it.value, &decoded);
        ok(address_good(wrong, address) == valid, "%s '%.*s' is %s", kind, SLICE_ARG(address),
           valid ? "good" : "bad");
        buf_reset(&decoded, 1 << 16);
    }
    buf_free(&decoded);
}

static const char *bootstrap_wrong(struct slice servers)
{
    struct buf document = {0};
    struct connection c;
    struct ditto_error err = {0};
    buf_puts(&document,
             "{\"id\":\"c\",\"connectionType\":\"kafka\",\"connectionStatus\":\"open\",\"uri\":\"tcp://h:1\","
             "\"targets\":[{\"address\":\"t\",\"authorizationContext\":[\"a\"]}],\"specificConfig\":{");
    json_put_member_text(&document, S("bootstrapServers"), servers);
    buf_puts(&document, "}}");
    int rc = connection_parse(&c, buf_slice(&document), &err);
    buf_free(&document);
    if (rc == 0)
        connection_free(&c);
    return rc < 0 ? "bad" : NULL;
}

static void test_addresses(void)
{
    static const struct {
        const char *kind;
        address_rule *wrong;
    } kinds[] = {
        {"kafka_source", kafka_source_address},     {"kafka_target", kafka_target_address},
        {"kafka_bootstrap", bootstrap_wrong},       {"http_target", http_target_address},
        {"mqtt_source", mqtt_source_address},       {"mqtt_target", mqtt_target_address},
        {"amqp091_target", amqp091_target_address},
    };
    struct buf text = {0};
    struct json table = file("table-addresses.json", &text);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        check_addresses(table, kinds[i].kind, kinds[i].wrong, true);
        check_addresses(table, kinds[i].kind, kinds[i].wrong, false);
    }
    buf_free(&text);
}

static void test_hosts(void)
{
    struct buf text = {0}, allowed = {0}, blocked = {0}, subnets = {0}, regex = {0}, host = {0};
    struct json_iter it = json_iter(file("table-host-validation.json", &text));
    while (json_next(&it)) {
        struct json config = json_get(it.value, S("config"));
        struct hosts *h = hosts_new(text_z(json_get(config, S("allowed-hostnames")), &allowed),
                                    text_z(json_get(config, S("blocked-hostnames")), &blocked),
                                    text_z(json_get(config, S("blocked-subnets")), &subnets),
                                    text_z(json_get(config, S("blocked-host-regex")), &regex));
        const char *z = text_z(json_get(it.value, S("host")), &host);
        bool valid = json_get(it.value, S("valid")).type == JSON_TRUE;
        ok((hosts_refuse(h, slice_str(z)) == NULL) == valid, "host %s", z);
        hosts_free(h);
    }
    struct buf *all[] = {&text, &allowed, &blocked, &subnets, &regex, &host};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_free(all[i]);
}

int main(void)
{
    struct buf text = {0};
    folder = getenv("VECTORS");
    folder = folder ? folder : "../shared/vectors";
    bool there = file("index.json", &text).type == JSON_ARRAY;
    buf_free(&text);
    if (!there) {
        ok(true, "vectors # SKIP there are none here");
        return done();
    }
    test_judging();
    test_effective("normalize-reply-target-default.json", "expected");
    test_effective("normalize-mapping-context.json", "expected_fragment");
    test_effective_rows();
    test_legacy();
    test_hono();
    test_addresses();
    test_hosts();
    return done();
}
