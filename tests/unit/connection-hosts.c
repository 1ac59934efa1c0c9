/* connection-hosts: which hosts are refused, of those that need no name server. Some rows are those of
 * $VECTORS/connections/table-host-validation.json. */
#include "connection/hosts.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tap.h"

#include "base/banned.h"

static void test_hosts(void)
{
    static const struct {
        const char *allowed, *blocked, *subnets, *regex, *host;
        bool refused;
    } cases[] = {
        {NULL, NULL, NULL, NULL, "127.0.0.1", false},
        {"", "", "11.1.0.0/16", "^.*$", "11.1.0.1", false},
        {"", " , ", "11.1.0.0/16", "^.*$", "11.1.0.1", false},
        {"192.168.0.1", "localhost", "", "", "192.168.0.1", false},
        {"a, [::1] ,b", "localhost", "", "", "[::1]", false},
        {"", "localhost", "", "", "192.168.0.1", true},
        {"", "localhost", "", "", "10.0.0.1", true},
        {"", "localhost", "", "", "172.31.255.255", true},
        {"", "localhost", "", "", "172.32.0.1", false},
        {"", "localhost", "", "", "224.0.1.1", true},
        {"", "localhost", "", "", "0.0.0.0", true},
        {"", "localhost", "", "", "127.9.9.9", true},
        {"", "localhost", "", "", "[::1]", true},
        {"", "localhost", "", "", "::1", true},
        {"", "localhost", "", "", "::", true},
        {"", "localhost", "", "", "ff02::1", true},
        {"", "localhost", "", "", "fec0::1", true},
        {"", "localhost", "", "", "::ffff:10.0.0.1", true},
        {"", "localhost", "", "", "2001:db8::1", false},
        {"", "localhost", "", "", "8.8.8.8", false},
        {"", "203.0.113.7", "", "", "203.0.113.7", true},
        {"", "203.0.113.7", "", "", "203.0.113.8", false},
        {"", "localhost", "11.1.0.0/16,169.254.0.0/16", "", "11.1.255.254", true},
        {"", "localhost", "11.1.0.0/16, 169.254.0.0/16", "", "169.254.0.1", true},
        {"", "localhost", "11.1.0.0/16", "", "11.2.0.1", false},
        {"", "localhost", "2001:db8::/33", "", "2001:db8:7fff::1", true},
        {"", "localhost", "2001:db8::/33", "", "2001:db8:8000::1", false},
        {"", "localhost", "0.0.0.0/0", "", "2001:db8::1", false},
        {"", "localhost", "11.1.0.0", "", "8.8.8.8", true},
        {"", "localhost", "11.1.0.0/33", "", "8.8.8.8", true},
        {"", "localhost", "", "^.*\\.svc.cluster.local$", "gateway.things.svc.cluster.local", true},
        {"", "localhost", "", "(?:8\\.){3}\\d", "8.8.8.8", true},
        {"", "localhost", "", "8\\.8", "8.8.8.8", false},
        {"", "localhost", "", "(", "8.8.8.8", true},
        {"", "localhost", "", "", "no-such-host.invalid", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hosts *h = hosts_new(cases[i].allowed, cases[i].blocked, cases[i].subnets, cases[i].regex);
        const char *why = hosts_refuse(h, slice_str(cases[i].host));
        ok((why != NULL) == cases[i].refused, "%zu: %s is %s (%s)", i, cases[i].host,
           cases[i].refused ? "refused" : "allowed", why ? why : "-");
        hosts_free(h);
    }
}

/* What is dialled may be another address than what was looked up. */
static void test_addresses(void)
{
    struct hosts *h = hosts_new("friend", "localhost", "11.1.0.0/16", "");
    struct sockaddr_in in = {.sin_family = AF_INET};
    inet_pton(AF_INET, "11.1.2.3", &in.sin_addr);
    ok(hosts_refuse_address(h, S("example.org"), (struct sockaddr *)&in) != NULL, "an address in the subnet");
    ok(hosts_refuse_address(h, S("friend"), (struct sockaddr *)&in) == NULL, "of a host that may");
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6.sin6_addr);
    ok(hosts_refuse_address(h, S("example.org"), (struct sockaddr *)&in6) != NULL,
       "a mapped loopback address");
    inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
    ok(hosts_refuse_address(h, S("example.org"), (struct sockaddr *)&in6) == NULL, "any other");
    hosts_free(h);
}

int main(void)
{
    test_hosts();
    test_addresses();
    return done();
}
