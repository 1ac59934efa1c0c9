/* amqp10_condition.c: why a peer ended something, in words. */
#include <proton/codec.h>
#include <proton/condition.h>
#include <proton/terminus.h>
#include <stdio.h>

#include "transport/amqp10_driver.h"

#include "base/banned.h"

/* A text member of the condition's info map, "" if there is none (AMQP 1.0 part 2, 2.8.16 and 2.8.18). */
static pn_bytes_t info_text(pn_condition_t *c, const char *name)
{
    pn_data_t *info = pn_condition_info(c);
    pn_bytes_t none = {0, ""}, value = none;
    pn_data_rewind(info);
    if (!pn_data_next(info) || pn_data_type(info) != PN_MAP)
        return none;
    pn_data_enter(info);
    while (pn_data_next(info)) {
        pn_bytes_t key = pn_data_type(info) == PN_SYMBOL ? pn_data_get_symbol(info) : none;
        if (!pn_data_next(info))
            break;
        if (slice_eq(slice_of(key.start, key.size), slice_str(name)) && pn_data_type(info) == PN_STRING)
            value = pn_data_get_string(info);
    }
    pn_data_exit(info);
    return value;
}

static void put_redirect(char *text, size_t size, pn_condition_t *c)
{
    const char *host = pn_condition_redirect_host(c);
    int port = pn_condition_redirect_port(c);
    pn_bytes_t address = info_text(c, "address");
    if (host && *host)
        (void)snprintf(text, size, " (it redirects to '%s:%d'%s%.*s%s; put that into the connection)", host,
                       port, address.size ? ", address '" : "", (int)address.size, address.start,
                       address.size ? "'" : "");
}

void amqp10_condition_text(char text[AMQP10_CONDITION_SIZE], pn_condition_t *c)
{
    const char *name = pn_condition_get_name(c), *more = pn_condition_get_description(c);
    int n = snprintf(text, AMQP10_CONDITION_SIZE, "%s%s%s", name ? name : "without a reason",
                     more ? ": " : "", more ? more : "");
    if (n >= 0 && n < AMQP10_CONDITION_SIZE && pn_condition_is_redirect(c))
        put_redirect(text + n, (size_t)(AMQP10_CONDITION_SIZE - n), c);
}

bool amqp10_condition_forbids(pn_condition_t *c)
{
    const char *name = pn_condition_get_name(c);
    return name && (strcmp(name, "amqp:unauthorized-access") == 0 || strcmp(name, "amqp:not-allowed") == 0);
}

bool amqp10_is_refusal(pn_terminus_t *remote, bool anonymous)
{
    return pn_terminus_get_type(remote) == PN_UNSPECIFIED || (!anonymous && !pn_terminus_get_address(remote));
}

void amqp10_set_address(pn_terminus_t *terminus, struct slice address)
{
    static const struct {
        struct slice prefix;
        pn_bytes_t capability;
    } kinds[] = {{{"queue://", 8}, {5, "queue"}}, {{"topic://", 8}, {5, "topic"}}};
    struct buf z = {0};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_starts(address, kinds[i].prefix)) {
            address = slice_skip(address, kinds[i].prefix.len);
            pn_data_put_symbol(pn_terminus_capabilities(terminus), kinds[i].capability);
            break;
        }
    buf_put_slice(&z, address);
    pn_terminus_set_address(terminus, buf_z(&z));
    buf_free(&z);
}
