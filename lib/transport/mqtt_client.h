/* mqtt_client.h: one MQTT connection inside our loop, on libmosquitto: TCP, TLS, login, keepalive, and its end in words.
 * What is sent and received over it is its owner's business (mqtt_in.c, mqtt_out.c).
 *
 * Keepalive is ours, not the library's: half of keepAlive after the last packet, in either direction, a PINGREQ is written
 * past the library's queue, which the owner may be holding back (the gate). A peer of whom nothing was heard for
 * 1.5 x keepAlive is lost. While the owner does not read, only TCP can tell: what it does not acknowledge within that
 * time ends the connection (TCP_USER_TIMEOUT).
 *
 * Ownership: the client owns everything in it; loop, connection and arg are borrowed. */
#ifndef TRANSPORT_MQTT_CLIENT_H
#define TRANSPORT_MQTT_CLIENT_H

#include <mosquitto.h>

#include "base/loop.h"
#include "connection/connection.h"
#include "transport/tcp.h"
#include "transport/tls.h"

struct mqtt_client {
    /* the owner's, before mqtt_client_init; the library's own callbacks get the client as their argument */
    struct loop *loop;
    const struct connection *connection;
    struct buf id; /* empty: the broker's choice */
    bool clean;
    bool gated;               /* nothing but a PINGREQ leaves unless open_gate */
    unsigned receive_maximum; /* MQTT 5: messages of QoS 1 that the broker may send unacknowledged */
    unsigned expiry_s;        /* MQTT 5: how long the session outlives the connection */
    msec connect_ms;
    void *arg;
    /* CONNACK. session: the broker still has one. */
    void (*connected)(struct mqtt_client *c, bool session);
    /* It did not come up, or is gone: an exit code and why; 0 and NULL after mqtt_client_close. Once, and nothing after it. */
    void (*failed)(struct mqtt_client *c, int exit_code, const char *reason);

    /* to read */
    struct mosquitto *mosq;
    bool v5, open, over;
    bool keeps_retained;   /* the broker does */
    bool subscription_ids; /* the broker knows them (MQTT 5) */
    /* to write */
    bool open_gate;
    bool paused; /* nothing is read */

    /* private */
    struct tcp addresses;
    struct tls tls;
    struct watch watch;
    struct timer keepalive, deadline;
    msec last_in, last_out, asked;
    int keepalive_s;
    bool up;   /* TCP */
    bool sent; /* CONNECT is out: this address answers */
    bool closing, left;
    const char *farewell; /* why an MQTT 5 broker disconnects us */
    char said[256];       /* the library's last error, for TLS */
};

/* Could a client serve the connection? 0, or -1 with connection.configuration.invalid. */
int mqtt_client_check(const struct connection *c, struct ditto_error *err);
/* Makes c->mosq, for the owner to set callbacks and a will. */
void mqtt_client_init(struct mqtt_client *c);
/* Starts to connect; again, after the first time, from the beginning: what was queued is thrown away. */
void mqtt_client_connect(struct mqtt_client *c);
/* All that was asked for is there: connect_ms are over. */
void mqtt_client_opened(struct mqtt_client *c);
/* After each call of the library by the owner: it may have failed, or closed the socket without saying so. */
void mqtt_client_look(struct mqtt_client *c, int rc);
/* Writes what may leave now. */
void mqtt_client_write(struct mqtt_client *c);
/* Last before every poll: writes what may leave, reads what is in the buffer already, and sets what is polled for. */
void mqtt_client_flush(struct mqtt_client *c);
/* Nothing is left to write. */
bool mqtt_client_drained(const struct mqtt_client *c);
/* A packet leaves or will leave: keepalive may wait. */
void mqtt_client_stir(struct mqtt_client *c);
/* Reads again, after a pause: its time does not count against the peer. */
void mqtt_client_resume(struct mqtt_client *c);
/* An error of the connection or of the owner's: `failed` once, and nothing after it. */
void mqtt_client_end(struct mqtt_client *c, int exit_code, const char *reason);
/* DISCONNECT, and `failed` with 0 when it has left. */
void mqtt_client_close(struct mqtt_client *c);
/* The socket closes without a word. */
void mqtt_client_free(struct mqtt_client *c);
/* An exit code for a refusal in a CONNACK or SUBACK: is it one that only a change of the configuration can cure? */
bool mqtt_client_permanent(bool v5, int reason);

#endif
