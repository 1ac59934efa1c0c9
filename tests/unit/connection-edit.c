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
    static const char document[] = "{\"uri\":\"amqp://u:s@h:1\",\"credentials\":{\"key\":\"s\"},"
                                   "\"targets\":[{\"headerMapping\":{\"authorization\":\"x\"}}]}";
    struct buf b = {0};
    connection_put_without_credentials(&b, parsed(slice_str(document)));
    is_slice(buf_slice(&b),
             S("{\"uri\":\"amqp://u:*****@h:1\",\"credentials\":{\"key\":\"*****\"},"
               "\"targets\":[{\"headerMapping\":{\"authorization\":\"x\"}}]}"),
             "headers stay for who maps them");
    buf_free(&b);
}

static int edit(struct buf *dst, const char *sent, const char *previous, struct ditto_error *err)
{
    *err = (struct ditto_error){0};
    struct json before = previous ? parsed(slice_str(previous)) : (struct json){JSON_ABSENT, NULL, 0};
    return connection_edit(dst, parsed(slice_str(sent)), before, err);
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
    ok(edit(&again, DOCUMENT("amqp://v:*****@g:2", ""), buf_z(&b), &err) == 0, "another host");
    ok(memmem(buf_p(&again), again.len, "amqp://v:p@g:2", 14) != NULL, "with the password of before");

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
    ok(connection_edit_all(&b, parsed(slice_str(sent)), parsed(slice_str(before)), false, &p) < 0,
       "several problems");
    is_int((long long)p.n, 3, "all of them");
    for (size_t i = 0; i < p.n && i < 3; i++)
        is_slice(slice_str(p.v[i].pointer), slice_str(places[i]), "problem %zu", i);
    connection_problems_free(&p);
    ok(connection_edit_all(&b, parsed(slice_str(sent)), parsed(slice_str(before)), true, &p) < 0,
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

int main(void)
{
    test_masked();
    test_without_credentials();
    test_edit();
    test_moved_secrets();
    test_all();
    test_effective();
    return done();
}
