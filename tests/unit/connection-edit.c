/* connection-edit: masks, masks sent back, the effective document. */
#include "connection/edit.h"

#include "tap.h"

#define DOCUMENT(uri, rest)                                                                                  \
    "{\"id\":\"c\",\"connectionType\":\"amqp-10\",\"connectionStatus\":\"open\",\"uri\":\"" uri              \
    "\",\"targets\":[{\"address\":\"t\",\"authorizationContext\":[\"a\"]}]" rest "}"

static struct json parsed(struct slice text)
{
    struct json v;
    struct json_error err;
    return json_parse(text, &v, &err) == 0 ? v : (struct json){JSON_ABSENT, NULL, 0};
}

static void test_masked(void)
{
    static const struct {
        const char *title, *in, *out;
    } cases[] = {
        {"nothing to mask", "{\"a\":[1, 2.0],\"password\":\"x\"}", "{\"a\":[1,2.0],\"password\":\"x\"}"},
        {"a URI", "{\"uri\":\"amqp://u:secret@h:1/p\"}", "{\"uri\":\"amqp://u:*****@h:1/p\"}"},
        {"a URI with escapes", "{\"u\\u0072i\":\"amqp:\\/\\/u:s\\u0065cret@h:1\"}",
         "{\"u\\u0072i\":\"amqp://u:*****@h:1\"}"},
        {"a URI without a password", "{\"uri\":\"amqp:\\/\\/h:1\"}", "{\"uri\":\"amqp:\\/\\/h:1\"}"},
        {"credentials",
         "{\"credentials\":{\"type\":\"x\",\"key\":\"s\",\"cert\":\"c\",\"password\":{\"a\":1},\"clientSecret\":\"s\","
         "\"parameters\":{\"sharedKey\":\"s\",\"secretKey\":\"s\",\"accessKey\":\"s\",\"region\":\"r\"}}}",
         "{\"credentials\":{\"type\":\"x\",\"key\":\"*****\",\"cert\":\"c\",\"password\":\"*****\",\"clientSecret\":"
         "\"*****\",\"parameters\":{\"sharedKey\":\"*****\",\"secretKey\":\"*****\",\"accessKey\":\"*****\",\"region\":"
         "\"r\"}}}"},
        {"a tunnel",
         "{\"sshTunnel\":{\"credentials\":{\"password\":\"s\",\"privateKey\":\"s\"},\"uri\":\"ssh://u:s@h:1\"}}",
         "{\"sshTunnel\":{\"credentials\":{\"password\":\"*****\",\"privateKey\":\"*****\"},\"uri\":\"ssh://u:*****@h:1\"}}"},
        {"duplicates", "{\"uri\":\"a://b:s@c\",\"uri\":\"a://b:s@c\"}",
         "{\"uri\":\"a://b:*****@c\",\"uri\":\"a://b:*****@c\"}"},
        {"a token in a URI", "{\"uri\":\"amqp://token@h:1\"}", "{\"uri\":\"amqp://*****@h:1\"}"},
        {"members that nobody knows",
         "{\"credentials\":{\"type\":\"x\",\"new\":\"s\",\"parameters\":{\"new\":[1]}}}",
         "{\"credentials\":{\"type\":\"x\",\"new\":\"*****\",\"parameters\":{\"new\":\"*****\"}}}"},
        {"a token endpoint", "{\"credentials\":{\"tokenEndpoint\":\"https://u:s@h/t\",\"clientId\":\"c\"}}",
         "{\"credentials\":{\"tokenEndpoint\":\"https://u:*****@h/t\",\"clientId\":\"c\"}}"},
        {"options", "{\"specificConfig\":{\"transport.keyStorePassword\":\"s\",\"clientId\":\"c\"}}",
         "{\"specificConfig\":{\"transport.keyStorePassword\":\"*****\",\"clientId\":\"c\"}}"},
        {"headers",
         "{\"targets\":[3,{\"headerMapping\":{\"Authorization\":\"Bearer s\",\"x-api-key\":\"{{ header:k }}\",\"a\":\"b\"}}],"
         "\"sources\":[{\"replyTarget\":{\"headerMapping\":{\"cookie\":\"s\"}},\"headerMapping\":{\"token\":\"{{header:a}}s\"}}]}",
         "{\"targets\":[3,{\"headerMapping\":{\"Authorization\":\"*****\",\"x-api-key\":\"{{ header:k }}\",\"a\":\"b\"}}],"
         "\"sources\":[{\"replyTarget\":{\"headerMapping\":{\"cookie\":\"*****\"}},\"headerMapping\":{\"token\":\"*****\"}}]}"},
        {"parameters of a URL",
         "{\"credentials\":{\"tokenEndpoint\":\"https://h/t?access_token=s&v=1&sig=s&Key=s#id_token=s\"}}",
         "{\"credentials\":{\"tokenEndpoint\":\"https://h/t?access_token=*****&v=1&sig=*****&Key=*****#id_token=*****\"}}"},
        {"a URI that is none", "{\"uri\":\"u:s@h?code=s\"}", "{\"uri\":\"u:*****@h?code=*****\"}"},
        {"addresses",
         "{\"targets\":[{\"address\":\"POST:/a?api-key=s&b={{ header:x | fn:default('&sig=1') }}&token={{ header:t }}\"}],"
         "\"sources\":[{\"addresses\":[\"a?b\",\"q?sig=s\"],\"replyTarget\":{\"address\":\"r?pwd=s\"}}]}",
         "{\"targets\":[{\"address\":\"POST:/a?api-key=*****&b={{ header:x | fn:default('&sig=1') }}&token={{ header:t "
         "}}\"}],"
         "\"sources\":[{\"addresses\":[\"a?b\",\"q?sig=*****\"],\"replyTarget\":{\"address\":\"r?pwd=*****\"}}]}"},
        {"options of mappers",
         "{\"mappingDefinitions\":{\"token\":{\"mappingEngine\":\"x\",\"options\":{\"apiKey\":\"s\",\"pin\":1,\"password\":1,"
         "\"a\":[{\"secret\":[\"s\",true,{\"b\":\"s\"}]}],\"url\":\"https://u:s@h/\",\"token\":\"{{ header:t }}\"}}},"
         "\"mappingContext\":{\"options\":{\"jwt\":\"s\"}}}",
         "{\"mappingDefinitions\":{\"token\":{\"mappingEngine\":\"x\",\"options\":{\"apiKey\":\"*****\",\"pin\":1,\"password\":"
         "\"*****\",\"a\":[{\"secret\":[\"*****\",true,{\"b\":\"*****\"}]}],\"url\":\"https://u:*****@h/\",\"token\":\"{{ "
         "header:t }}\"}}},\"mappingContext\":{\"options\":{\"jwt\":\"*****\"}}}"},
        {"headers by their values",
         "{\"targets\":[{\"headerMapping\":{\"a\":\"Bearer s\",\"b\":\"Bearer {{ header:b }}\",\"c\":\"http://u:s@h/"
         "\",\"kafka.key\":\"k\",\"token\":\"{{ header:t | fn:default('s') }}\",\"d\":\"basic\"}}]}",
         "{\"targets\":[{\"headerMapping\":{\"a\":\"Bearer *****\",\"b\":\"Bearer {{ header:b }}\",\"c\":\"http://"
         "u:*****@h/\",\"kafka.key\":\"k\",\"token\":\"*****\",\"d\":\"basic\"}}]}"},
        {"more parameters than are counted",
         "{\"uri\":\"a://b?sig=1&sig=1&sig=1&sig=1&sig=1&sig=1&sig=1&sig=1&sig=1&sig=1&sig=1&sig=1&sig=1&sig=1&sig=1&sig="
         "1&sig=1&a=2\"}",
         "{\"uri\":\"a://b?sig=*****&sig=*****&sig=*****&sig=*****&sig=*****&sig=*****&sig=*****&sig=*****&sig=*****&sig="
         "*****&sig=*****&sig=*****&sig=*****&sig=*****&sig=*****&sig=*****\"}"},
        {"null", "{\"credentials\":{\"key\":null}}", "{\"credentials\":{\"key\":null}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        connection_put_masked(&b, parsed(slice_str(cases[i].in)));
        is_slice(buf_slice(&b), slice_str(cases[i].out), "masked: %s", cases[i].title);
        buf_free(&b);
    }
}

static void test_without_credentials(void)
{
    static const char document[] =
        "{\"uri\":\"amqp://u:s@h:1\",\"credentials\":{\"key\":\"s\"},"
        "\"mappingDefinitions\":{\"a\":{\"options\":{\"token\":\"x\"}}},"
        "\"targets\":[{\"address\":\"a?sig=x\",\"headerMapping\":{\"authorization\":\"x\"}}]}";
    struct buf b = {0};
    connection_put_without_credentials(&b, parsed(slice_str(document)));
    is_slice(buf_slice(&b),
             S("{\"uri\":\"amqp://u:*****@h:1\",\"credentials\":{\"key\":\"*****\"},"
               "\"mappingDefinitions\":{\"a\":{\"options\":{\"token\":\"x\"}}},"
               "\"targets\":[{\"address\":\"a?sig=x\",\"headerMapping\":{\"authorization\":\"x\"}}]}"),
             "headers, options and addresses stay for who maps them");
    buf_free(&b);
}

static void test_shown_address(void)
{
    struct buf b = {0};
    connection_put_shown_address(&b, S("POST:/a?sig=s&b={{ thing:id }}"));
    connection_put_shown_address(&b, S(" devices/#"));
    is_slice(buf_slice(&b), S("POST:/a?sig=*****&b={{ thing:id }} devices/#"), "an address to be shown");
    buf_free(&b);
}

static int edit(struct buf *dst, const char *sent, const char *previous, struct ditto_error *err)
{
    *err = (struct ditto_error){0};
    struct json before = previous ? parsed(slice_str(previous)) : (struct json){JSON_ABSENT, NULL, 0};
    struct connection_problems problems;
    int rc = connection_edit(dst, parsed(slice_str(sent)), before, false, &problems);
    if (rc != 0)
        *err = problems.v[0];
    connection_problems_free(&problems);
    return rc;
}

static void test_edit(void)
{
    struct buf b = {0};
    struct ditto_error err;
    ok(edit(&b, DOCUMENT("amqp://u:p@h:1", ",\"x\":1"), NULL, &err) == 0, "a new document");
    is_slice(
        buf_slice(&b),
        S("{\"id\":\"c\",\"connectionType\":\"amqp-10\",\"connectionStatus\":\"open\",\"uri\":\"amqp://u:p@h:1\","
          "\"sources\":[],\"targets\":[{\"address\":\"t\",\"topics\":[],\"authorizationContext\":[\"a\"],"
          "\"headerMapping\":{}}],\"clientCount\":1,\"failoverEnabled\":true,\"validateCertificates\":true,"
          "\"processorPoolSize\":1,\"tags\":[]}"),
        "in its effective form");

    struct buf masked = {0}, again = {0};
    connection_put_masked(&masked, parsed(buf_slice(&b)));
    ok(edit(&again, buf_z(&masked), buf_z(&b), &err) == 0, "sent back masked");
    is_slice(buf_slice(&again), buf_slice(&b), "nothing has changed");

    buf_cut(&again, 0);
    ok(edit(&again, DOCUMENT("amqp://u:*****@H:2/path", ""), buf_z(&b), &err) == 0, "another port and path");
    ok(memmem(buf_p(&again), again.len, "amqp://u:p@H:2/path", 19) != NULL, "with the password of before");

    buf_cut(&again, 0);
    ok(edit(&again, DOCUMENT("amqp://u:*****@h:1", ""), NULL, &err) < 0, "a mask in a new document");
    is_slice(slice_str(err.code), S("connectivity:connection.configuration.invalid"), "its code");
    is_slice(slice_str(err.pointer), S("/uri"), "its place");
    is_int((long long)again.len, 0, "nothing is stored");

    ok(edit(&again,
            DOCUMENT("amqp://h:1",
                     ",\"credentials\":{\"type\":\"hmac\",\"algorithm\":\"az-sasl\",\"parameters\":{"
                     "\"sharedKeyName\":\"n\",\"endpoint\":\"e\",\"sharedKey\":\"*****\"}}"),
            buf_z(&b), &err) < 0,
       "a mask where nothing was");
    is_slice(slice_str(err.pointer), S("/credentials/parameters/sharedKey"), "its place");

    ok(edit(&again, DOCUMENT("amqp://h:0", ""), buf_z(&b), &err) < 0, "a bad document");
    is_slice(slice_str(err.code), S("connectivity:connection.uri.invalid"), "its code");
    ok(edit(
           &again,
           "{\"id\":\"c\",\"connectionType\":\"http-push\",\"connectionStatus\":\"open\",\"uri\":\"http://h:1\","
           "\"targets\":[{\"address\":\"GET:/\",\"authorizationContext\":[\"a\"]}]}",
           buf_z(&b), &err) < 0,
       "another type");
    is_slice(slice_str(err.pointer), S("/connectionType"), "its place");

    connection_edit_status(&again, parsed(buf_slice(&b)), false);
    ok(memmem(buf_p(&again), again.len, "\"connectionStatus\":\"closed\",\"uri\"", 33) != NULL,
       "closed, in place");
    buf_free(&b);
    buf_free(&again);
    buf_free(&masked);
}

#define TARGET(address, secret)                                                                              \
    "{\"address\":\"" address                                                                                \
    "\",\"authorizationContext\":[\"a\"],\"headerMapping\":{\"authorization\":\"" secret "\"}}"
#define TWO(one, other)                                                                                      \
    "{\"id\":\"c\",\"connectionType\":\"http-push\",\"connectionStatus\":\"open\",\"uri\":\"http://h:1\","   \
    "\"targets\":[" one "," other "]}"

/* A secret goes with its address, not with its place in the list. */
static void test_moved_secrets(void)
{
    static const char before[] = TWO(TARGET("GET:/a", "one"), TARGET("GET:/b", "two"));
    struct buf b = {0};
    struct ditto_error err;
    ok(edit(&b, TWO(TARGET("GET:/b", "*****"), TARGET("GET:/a", "*****")), before, &err) == 0,
       "targets change places");
    struct json targets = json_get(parsed(buf_slice(&b)), S("targets"));
    ok(json_text_is(json_pointer(targets, S("/0/headerMapping/authorization")), S("two")),
       "the first has its own");
    ok(json_text_is(json_pointer(targets, S("/1/headerMapping/authorization")), S("one")),
       "so has the second");
    buf_cut(&b, 0);
    ok(edit(&b, TWO(TARGET("GET:/c", "*****"), TARGET("GET:/b", "*****")), before, &err) < 0,
       "an address that is new");
    is_slice(slice_str(err.pointer), S("/targets/0/headerMapping/authorization"), "has no secret to keep");
    is_int((long long)b.len, 0, "nothing is stored");
    buf_free(&b);
}

#define HTTP(uri, address, header, rest)                                                                     \
    "{\"id\":\"c\",\"connectionType\":\"http-push\",\"connectionStatus\":\"open\",\"uri\":\"" uri            \
    "\",\"targets\":[{\"address\":\"" address                                                                \
    "\",\"authorizationContext\":[\"a\"],\"headerMapping\":{\"x\":\"" header "\"}}]" rest "}"
#define OAUTH(endpoint, secret)                                                                              \
    ",\"credentials\":{\"type\":\"oauth-client-credentials\",\"tokenEndpoint\":\"" endpoint                  \
    "\",\"clientId\":\"c\",\"clientSecret\":\"" secret "\",\"requestedScopes\":\"s\"}"
#define TUNNEL(enabled, uri, secret)                                                                         \
    ",\"sshTunnel\":{\"enabled\":" enabled ",\"validateHost\":false,\"uri\":\"" uri                          \
    "\",\"credentials\":{\"type\":\"plain\",\"username\":\"u\",\"password\":\"" secret "\"}}"
#define OPTIONS(secret)                                                                                          \
    ",\"mappingDefinitions\":{\"m\":{\"mappingEngine\":\"RawMessage\",\"options\":{\"incomingMessageHeaders\":{" \
    "\"token\":\"" secret "\"}}}}"

/* A masked secret goes to nobody that it was not meant for. */
static void test_recipients(void)
{
    static const char before[] =
        HTTP("https://u:one@h:1/a", "GET:/?sig=two&b=1&token=three", "Bearer four",
             OAUTH("https://t/a?key=five", "six") TUNNEL("true", "ssh://s:22", "seven") OPTIONS("eight"));
    static const struct {
        const char *title, *sent, *pointer;
    } cases[] = {
        {"the same", NULL, NULL},
        {"without TLS", HTTP("http://u:*****@h:1", "GET:/", "", ""), "/uri"},
        {"another user", HTTP("https://v:*****@h:1", "GET:/", "", ""), "/uri"},
        {"another host", HTTP("https://u:*****@g:1", "GET:/", "", ""), "/uri"},
        {"a host in the password", HTTP("https://u:*****@g:1/@h:1", "GET:/", "", ""), "/uri"},
        {"another host, the secret in an address",
         HTTP("https://g:1", "GET:/?sig=*****&b=1&token=*****", "", ""), "/targets/0/address"},
        {"other parameters", HTTP("https://h:1", "GET:/?token=*****", "", ""), "/targets/0/address"},
        {"another host, the secret in a header",
         HTTP("https://g:1", "GET:/?sig=two&b=1&token=three", "Bearer *****", ""),
         "/targets/0/headerMapping/x"},
        {"another host, the secret in an option", HTTP("https://g:1", "GET:/", "", OPTIONS("*****")),
         "/mappingDefinitions/m/options/incomingMessageHeaders/token"},
        {"another token endpoint", HTTP("https://h:1", "GET:/", "", OAUTH("https://t2/a", "*****")),
         "/credentials/clientSecret"},
        {"another token endpoint, the secret in it",
         HTTP("https://h:1", "GET:/", "", OAUTH("https://e/a?key=*****", "six")),
         "/credentials/tokenEndpoint"},
        {"another tunnel", HTTP("https://h:1", "GET:/", "", TUNNEL("true", "ssh://e:22", "*****")),
         "/sshTunnel/credentials/password"},
        {"a password through another tunnel",
         HTTP("https://u:*****@h:1", "GET:/", "", TUNNEL("true", "ssh://e:22", "x")), "/uri"},
    };
    struct buf masked = {0}, b = {0};
    connection_put_masked(&masked, parsed(slice_str(before)));
    static const char *const secrets[] = {"one", "two", "three", "four", "five", "six", "seven", "eight"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        ok(!memmem(buf_p(&masked), masked.len, secrets[i], strlen(secrets[i])), "'%s' is masked", secrets[i]);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ditto_error err;
        const char *sent = cases[i].sent ? cases[i].sent : buf_z(&masked);
        int rc = edit(&b, sent, before, &err);
        is_slice(slice_str(rc < 0 ? err.pointer : "kept"),
                 slice_str(cases[i].pointer ? cases[i].pointer : "kept"), "%s", cases[i].title);
        for (size_t k = 0; rc == 0 && k < sizeof secrets / sizeof *secrets; k++)
            ok(memmem(buf_p(&b), b.len, secrets[k], strlen(secrets[k])) != NULL, "'%s' is kept", secrets[k]);
    }
    buf_free(&masked);
    buf_free(&b);
}

/* What is said of a bad document holds nothing of what is secret in it. */
static void test_hidden(void)
{
    static const struct {
        const char *title, *document;
    } cases[] = {
        {"a type of credentials", HTTP("http://h:1", "GET:/", "", ",\"credentials\":{\"type\":\"canary\"}")},
        {"an address", HTTP("http://h:1", "FETCH:/?sig=canary", "", "")},
        {"a header by its value", HTTP("http://h:1", "GET:/", "Bearer {{ canary }}", "")},
        {"a header by its name",
         "{\"id\":\"c\",\"connectionType\":\"http-push\",\"connectionStatus\":\"open\",\"uri\":\"http://h:1\",\"targets\":[{"
         "\"address\":\"GET:/\",\"authorizationContext\":[\"a\"],\"headerMapping\":{\"authorization\":\"{{ canary:x }}\","
         "\"token\":\"{{ header:x | fn:canary() }}\",\"x-api-key\":\"{{ canary }}\"}}]}"},
        {"a URI", HTTP("http://u:canary@h", "GET:/", "", "")},
        {"the scheme of a URI", HTTP("ftp://u:canary@h:1?sig=canary", "GET:/", "", "")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct connection c;
        struct connection_problems p;
        ok(connection_examine(&c, slice_str(cases[i].document), &p) < 0, "bad: %s", cases[i].title);
        for (size_t k = 0; k < p.n; k++)
            ok(!strstr(p.v[k].message, "canary") && !strstr(p.v[k].description, "canary"), "hidden: %s",
               p.v[k].message);
        connection_problems_free(&p);
    }
}

static void test_all(void)
{
    struct buf b = {0};
    struct connection_problems p;
    static const char before[] = DOCUMENT("amqp://u:p@h:1", "");
    static const char sent[] =
        "{\"id\":\"c\",\"connectionType\":\"http-push\",\"connectionStatus\":\"open\",\"uri\":\"http://h:1\","
        "\"credentials\":{\"type\":\"client-cert\",\"key\":\"*****\"},"
        "\"targets\":[{\"address\":\"x\",\"authorizationContext\":[\"a\"]}]}";
    static const char *const places[] = {"/targets/0/address", "/connectionType", "/credentials/key"};
    ok(connection_edit(&b, parsed(slice_str(sent)), parsed(slice_str(before)), false, &p) < 0,
       "several problems");
    is_int((long long)p.n, 3, "all of them");
    for (size_t i = 0; i < p.n && i < 3; i++)
        is_slice(slice_str(p.v[i].pointer), slice_str(places[i]), "problem %zu", i);
    connection_problems_free(&p);
    ok(connection_edit(&b, parsed(slice_str(sent)), parsed(slice_str(before)), true, &p) < 0,
       "another type is no problem");
    is_int((long long)p.n, 2, "if that is allowed");
    connection_problems_free(&p);
    buf_free(&b);
}

/* What is printed means the same: it is printed the same again. */
static void test_effective(void)
{
    static const char *const documents[] = {
        "{\"id\":\"c\",\"connectionType\":\"amqp-10\",\"connectionStatus\":\"open\",\"uri\":\"amqp://h:1\",\"sources\":[3,{"
        "\"addresses\":[\"q\"],\"authorizationContext\":[\"a\"],\"declaredAcks\":[\"{{connection:id}}:abc\"],"
        "\"replyTarget\":{\"enabled\":false}},{\"addresses\":[\"r\"],\"authorizationContext\":[\"a\"],\"payloadMapping\":"
        "[\"Ditto\"]}],\"specificConfig\":{\"n\":1},\"tags\":[\"a\",\"a\"],\"ca\":\" \"}",
        "{\"id\":\"c\",\"connectionType\":\"hono\",\"connectionStatus\":\"closed\",\"sources\":[{\"addresses\":[\"event\"],"
        "\"authorizationContext\":[\"a\"]}],\"mappingContext\":{\"mappingEngine\":\"JavaScript\",\"options\":{\"n\": 1e400}}}",
    };
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        struct connection c, d;
        struct ditto_error err = {0};
        struct buf once = {0}, twice = {0};
        if (!ok(connection_parse(&c, slice_str(documents[i]), &err) == 0, "document %zu %s", i, err.message))
            continue;
        connection_put_effective(&once, &c);
        ok(connection_parse(&d, buf_slice(&once), &err) == 0, "is read again %s", err.message);
        connection_put_effective(&twice, &d);
        is_slice(buf_slice(&twice), buf_slice(&once), "and printed the same");
        connection_free(&c);
        connection_free(&d);
        buf_free(&once);
        buf_free(&twice);
    }
}

/* Addresses, topics and tags are sets; what is no text in a list of texts was skipped. */
static void test_sets(void)
{
    static const char document[] =
        "{\"id\":\"c\",\"connectionType\":\"amqp-10\",\"connectionStatus\":\"open\",\"uri\":\"amqp://h:1\",\"sources\":[{"
        "\"addresses\":[\"r\",\"q\",\"r\"],\"authorizationContext\":[\"a\",5]}],\"targets\":[{\"address\":\"t\",\"topics\":["
        "\"_/_/things/twin/events\",\"_/_/things/live/events\",\"_/_/things/twin/events\"],\"authorizationContext\":[\"a\"]}]}";
    struct connection c;
    struct ditto_error err = {0};
    struct buf b = {0};
    if (!ok(connection_parse(&c, slice_str(document), &err) == 0, "sets %s", err.message))
        return;
    connection_put_effective(&b, &c);
    struct json v = {JSON_OBJECT, buf_p(&b), b.len};
    is_slice(json_slice(json_pointer(v, S("/sources/0/addresses"))), S("[\"r\",\"q\"]"), "addresses");
    is_slice(json_slice(json_pointer(v, S("/sources/0/authorizationContext"))), S("[\"a\"]"), "subjects");
    is_slice(json_slice(json_pointer(v, S("/targets/0/topics"))),
             S("[\"_/_/things/twin/events\",\"_/_/things/live/events\"]"), "topics");
    connection_free(&c);
    buf_free(&b);
}

int main(void)
{
    test_masked();
    test_without_credentials();
    test_shown_address();
    test_edit();
    test_moved_secrets();
    test_recipients();
    test_hidden();
    test_all();
    test_effective();
    test_sets();
    return done();
}
