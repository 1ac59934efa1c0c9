/* connection-uri: the grammar of connection URIs, and templates. */
#include "connection/uri.h"

#include "connection/template.h"
#include "tap.h"

static void test_good(void)
{
    static const struct {
        const char *text, *scheme, *user_info, *host, *path;
        unsigned port;
    } cases[] = {
        {"amqp://h:5672", "amqp", NULL, "h", "", 5672},
        {"tcp://127.0.0.1:1", "tcp", NULL, "127.0.0.1", "", 1},
        {"ssl://[fe80::1]:65535/p", "ssl", NULL, "fe80::1", "/p", 65535},
        {"a+b-c.d://u:p@x-1.example.org.:80/a/b#frag", "a+b-c.d", "u:p", "x-1.example.org.", "/a/b", 80},
        {"amqps://foo:bar%252Bbaz@hono.eclipse.org:5671/vhost", "amqps", "foo:bar%252Bbaz",
         "hono.eclipse.org", "/vhost", 5671},
        {"amqp://:@h:1", "amqp", ":", "h", "", 1},
        {"amqp://user@h:1", "amqp", "user", "h", "", 1},
        {"amqp://1host:1", "amqp", NULL, "1host", "", 1},
        {"amqp://h:1/p@q", "amqp", NULL, "h", "/p@q", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct uri_parts u;
        if (!ok(uri_split(slice_str(cases[i].text), &u) == 0, "%s", cases[i].text))
            continue;
        is_slice(u.scheme, slice_str(cases[i].scheme), "scheme");
        is_slice(u.user_info, slice_str(cases[i].user_info), "user information");
        is_slice(u.host, slice_str(cases[i].host), "host");
        is_int(u.port, cases[i].port, "port");
        is_slice(u.path.p ? u.path : S(""), slice_str(cases[i].path), "path");
    }
}

static void test_bad(void)
{
    static const char *const bad[] = {
        "",
        "h",
        "amqp",
        "amqp:",
        "amqp://",
        "amqp://h",
        "amqp://h:",
        "amqp://h:0",
        "amqp://h:65536",
        "amqp://h:1x",
        "amqp://h:-1",
        "://u:p@h:1",
        "1a://h:1",
        "amqp:h:1",
        "amqp://:1",
        "amqps://foo:bar@:5671",
        "amqp://h:1?x=y",
        "amqp://h:1/p?x",
        "amqp://h_x:1",
        "amqp://-h:1",
        "amqp://h-:1",
        "amqp://a..b:1",
        "amqp://a.1b:1",
        "amqp://[::1:1",
        "amqp://[x]:1",
        "amqp://[]:1",
        "amqp://::1:1",
        "amqp://u:p@@h:1",
        "amqp://u:p%4@h:1",
        "amqp://u:p%zz@h:1",
        "amqp://u:p<@h:1",
        "amqp://u p@h:1",
        "amqp://h:1/a b",
        "amqp://h:1/a{b",
    };
    struct uri_parts u;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(uri_split(slice_str(bad[i]), &u) < 0, "'%s' is none", bad[i]);
}

static void test_password(void)
{
    static const struct {
        const char *text, *password;
    } cases[] = {
        {"amqp://u:p@h:1", "p"},
        {"amqp://u:@h:1", ""},
        {"amqp://u@h:1", NULL},
        {"amqp://h:1/a:b@c", NULL},
        {"amqp://u:a:b@h:1", "a:b"},
        {"amqp://u:p/w@h:1", "p/w"}, /* no good URI, still a password */
        {"u:p@h", "p"},
        {"x@y", NULL},
        {"", NULL},
        {"amqp://u:p w@h", "p w"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        is_slice(uri_password(slice_str(cases[i].text)), slice_str(cases[i].password), "password of %s",
                 cases[i].text);
    struct buf b = {0};
    uri_decode(&b, S("a%41+%2f%2F%ff"));
    is_slice(buf_slice(&b), S("aA+//\xff"), "decoding");
    buf_free(&b);
}

static void test_templates(void)
{
    static const struct {
        const char *template, *bad;
    } cases[] = {
        {"", NULL},
        {"plain {x} }} {{", NULL},
        {"{{ header:x }}", NULL},
        {"a/{{thing:id}}/{{ topic:action-subject }}b", NULL},
        {"${ header:a:b }", NULL},
        {"{{ time:now+5m }}", NULL},
        {"{{ thing-json:attributes/a }}", NULL},
        {"{{ header:a | fn:default('|}') | fn:upper() }}", NULL},
        {"{{ fn:default(header:x) }}", NULL},
        {"{{ thing-json:id }}", "thing-json:id"},
        {"{{ header: }}", "header:"},
        {"{{ header }}", "header"},
        {"{{ }}", ""},
        {"{{ nope:x }}", "nope:x"},
        {"{{ thing:nope }}", "thing:nope"},
        {"{{ policy:id }}", "policy:id"},
        {"{{ source:address }}", "source:address"},
        {"{{ header:x | fn:nope() }}", "header:x | fn:nope()"},
        {"{{ header:x | fn:upper }}", "header:x | fn:upper"},
        {"{{ header:x | upper() }}", "header:x | upper()"},
        {"{{ header:x | fn:default('a) }}", "header:x | fn:default('a)"},
        {"{{ header:x | }}", "header:x |"},
        {"ok {{ header:x }} {{ bad }}", "bad"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice bad = SLICE_NONE;
        bool fine = template_ok(slice_str(cases[i].template), PLACEHOLDERS_OF_MESSAGE, &bad);
        if (ok(fine == !cases[i].bad, "template '%s'", cases[i].template) && !fine)
            is_slice(bad, slice_str(cases[i].bad), "what is wrong with it");
    }
}

int main(void)
{
    test_good();
    test_bad();
    test_password();
    test_templates();
    return done();
}
