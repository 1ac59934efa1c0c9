/* amqp10_driver.h: one AMQP 1.0 connection inside our loop: TCP, TLS, SASL, heartbeats, its opening and closing, and the
 * bytes to and from qpid-proton-c's connection driver. What is sent or received over it is its owner's business.
 *
 * SASL: PLAIN where there is a user, EXTERNAL where there is a client certificate, both where there are both, else
 * ANONYMOUS; amqp.saslMechanisms instead.
 *
 * Ownership: the connection, its session and all links belong to the driver; loop and connection are borrowed. */
#ifndef TRANSPORT_AMQP10_DRIVER_H
#define TRANSPORT_AMQP10_DRIVER_H

#include <proton/condition.h>
#include <proton/connection_driver.h>
#include <proton/terminus.h>

#include "transport/amqp10_options.h"
#include "transport/tls_stream.h"
#include "transport/transport.h"

struct amqp10_driver {
    struct loop *loop;
    const struct connection *connection;
    struct amqp10_options options;
    pn_connection_driver_t pn;
    pn_session_t *session;
    struct tcp tcp;
    struct tls tls;
    struct tls_stream stream;
    struct watch watch;
    struct timer tick, deadline; /* deadline: of opening, then of closing */
    bool connected;              /* TCP */
    bool opened;                 /* all that the owner asked for */
    bool closing, over;
    char lost[TLS_REASON]; /* why the socket is gone, "" if it is not */
    /* The owner's. Events of links and deliveries, and the remote opening of the connection. */
    void (*event)(void *arg, pn_event_t *e);
    /* As channel_user's. Once; no event comes after it. */
    void (*closed)(void *arg, int exit_code, const char *reason);
    void *arg;
};

/* Sets the connection and its session up; links may be added before amqp10_driver_connect. role: "in" or "out", the end
 * of the container id. */
void amqp10_driver_init(struct amqp10_driver *d, const struct channel_config *cfg, const char *role);
/* Looks the host up and starts to connect; the deadline runs. */
void amqp10_driver_connect(struct amqp10_driver *d, msec within_ms);
/* What the owner asked for is there. */
void amqp10_driver_opened(struct amqp10_driver *d);
/* Closes in order, then calls closed(0). */
void amqp10_driver_close(struct amqp10_driver *d);
/* All that can be done now: events, and writing what they made. */
void amqp10_drive(struct amqp10_driver *d);
/* The peer ended something that the owner cannot do without: closes with "the peer <what>'<object>': <condition>". */
void amqp10_driver_ended(struct amqp10_driver *d, const char *what, struct slice object, pn_condition_t *c);
/* Frees all at once; the socket closes. */
void amqp10_driver_free(struct amqp10_driver *d);

/* The condition in words: name, description, and where a redirect points to; "without a reason" if there is none. */
enum { AMQP10_CONDITION_SIZE = 512 };
void amqp10_condition_text(char text[AMQP10_CONDITION_SIZE], pn_condition_t *c);
/* Was it for want of rights? */
bool amqp10_condition_forbids(pn_condition_t *c);
/* Does the peer's attach announce that it will detach at once, with the reason? It then names no terminus (AMQP 1.0 part 2,
 * 2.6.3), or, as proton does it, one without an address. */
bool amqp10_is_refusal(pn_terminus_t *remote, bool anonymous);
/* Ditto's addresses may say what they name, "queue://x", "topic://x": sets address and capability of a terminus. */
void amqp10_set_address(pn_terminus_t *terminus, struct slice address);

#endif
