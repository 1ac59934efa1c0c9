#include "transport/amqp10_outcome.h"

#include <proton/disposition.h>

#include "transport/amqp10_driver.h"

#include "base/banned.h"

static const char SENDING_FAILED[] = "connectivity:message.sending.failed";

int amqp10_outcome_status(pn_condition_t *c, int otherwise)
{
    static const struct {
        const char *name;
        int status;
    } statuses[] = {
        {"amqp:not-found", 404},
        {"amqp:unauthorized-access", 403},
        {"amqp:not-allowed", 403},
        {"amqp:decode-error", 400},
        {"amqp:invalid-field", 400},
        {"amqp:not-implemented", 400},
        {"amqp:link:message-size-exceeded", 413},
        {"amqp:resource-limit-exceeded", 503}, /* full: it may have room later */
        {"amqp:resource-locked", 503},
        {"amqp:internal-error", 503},
    };
    const char *name = pn_condition_get_name(c);
    for (size_t i = 0; name && i < sizeof statuses / sizeof *statuses; i++)
        if (strcmp(name, statuses[i].name) == 0)
            return statuses[i].status;
    return otherwise;
}

void amqp10_outcome_fail(struct ditto_error *err, int status, const char *what, pn_condition_t *c)
{
    char text[AMQP10_CONDITION_SIZE];
    amqp10_condition_text(text, c);
    ditto_fail(err, status, SENDING_FAILED, NULL, NULL, "%s%s%s", what, pn_condition_is_set(c) ? ": " : "",
               pn_condition_is_set(c) ? text : ".");
}

bool amqp10_outcome_accepted(pn_delivery_t *d, struct ditto_error *err)
{
    pn_condition_t *c = pn_disposition_condition(pn_delivery_remote(d));
    switch (pn_delivery_remote_state(d)) {
    case PN_ACCEPTED: return true;
    case PN_REJECTED:
        amqp10_outcome_fail(err, amqp10_outcome_status(c, 400), "The peer rejected the message", c);
        return false;
    case PN_RELEASED:
        ditto_fail(err, 503, SENDING_FAILED, NULL, NULL, "The peer released the message.");
        return false;
    case PN_MODIFIED:
        ditto_fail(err, 503, SENDING_FAILED, NULL, NULL, "The peer gave the message back (modified%s).",
                   pn_disposition_is_undeliverable(pn_delivery_remote(d)) ? ", undeliverable here" : "");
        return false;
    default:
        ditto_fail(err, 503, SENDING_FAILED, NULL, NULL, "The peer settled the message without an outcome.");
        return false;
    }
}
