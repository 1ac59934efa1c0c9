/* connection-uri: the grammar of connection URIs and URLs, and what is secret in them. */
#include "connection/uri.h"

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
        {"amqp://token@h:1", "token"},
        {"amqp://h:1/a:b@c", NULL},
        {"amqp://u:a:b@h:1", "a:b"},
        {"amqp://u:p/w@h:1", "p/w"}, /* no good URI, still a password */
        {"u:p@h", "p"},
        {"x@y", "x"},
        {"", NULL},
        {"amqp://u:p w@h", "p w"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        is_slice(uri_secret(slice_str(cases[i].text)), slice_str(cases[i].password), "password of %s",
                 cases[i].text);
    struct buf b = {0};
    uri_decode(&b, S("a%41+%2f%2F%ff"));
    is_slice(buf_slice(&b), S("aA+//\xff"), "decoding");
    buf_free(&b);
}

static void test_url(void)
{
    static const struct {
        const char *text, *host;
        unsigned port;
    } cases[] = {
        {"https://idp.example.com/token?a=b&c#d", "idp.example.com", 0},
        {"ssh://h:22", "h", 22},
        {"ssh://u:p@[::1]", "::1", 0},
        {"ssh://h:", NULL, 0},
        {"ssh://", NULL, 0},
        {"ssh:h", NULL, 0},
        {"not a url", NULL, 0},
        {"https://h/a b", NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct uri_parts u;
        int rc = url_split(slice_str(cases[i].text), &u);
        if (ok((rc == 0) == (cases[i].host != NULL), "URL '%s'", cases[i].text) && rc == 0) {
            is_slice(u.host, slice_str(cases[i].host), "its host");
            is_int(u.port, cases[i].port, "its port");
        }
    }
}

int main(void)
{
    test_good();
    test_bad();
    test_password();
    test_url();
    return done();
}
