/* login.h: the server side of SASL.
 *
 * Proton alone (without Cyrus) offers nothing but ANONYMOUS as a server; this puts a mechanism list and a password
 * check of our own in its place, through proton/sasl_plugin.h. */
#ifndef AMQP_PEER_LOGIN_H
#define AMQP_PEER_LOGIN_H

#include <proton/transport.h>

struct login {
    bool reject;      /* every attempt fails: sasl outcome auth (1) */
    const char *user; /* if set, only PLAIN is offered, with exactly these (borrowed) */
    const char *password;
    bool
        external; /* only EXTERNAL is offered, and whoever it is gets in: TLS has looked at the certificate */
};

/* Before the transport is bound. login must live as long as the transport. */
void login_serve(pn_transport_t *transport, const struct login *login);

#endif
