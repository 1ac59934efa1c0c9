/* amqp10_options.h: options of specificConfig that AMQP 1.0 connections know: Qpid JMS's ("Client configuration"), as
 * Ditto passes them on.
 *
 * What makes sense outside JMS takes effect (the members below; those of TLS in tls.h). The rest is accepted, and said to
 * be without effect. A value that is no number or boolean counts as absent. Slices borrow the connection. */
#ifndef TRANSPORT_AMQP10_OPTIONS_H
#define TRANSPORT_AMQP10_OPTIONS_H

#include "base/clock.h"
#include "connection/connection.h"
#include "transport/tcp.h"

struct amqp10_options {
    struct slice client_id;           /* jms.clientID; else the connection's id */
    struct slice user, password;      /* jms.username, jms.password; else the URI's. SLICE_NONE: none */
    struct slice vhost;               /* amqp.vhost; else the URI's host */
    struct slice mechanisms;          /* amqp.saslMechanisms, a comma-separated list; SLICE_NONE: what fits */
    bool sasl;                        /* amqp.saslLayer (true) */
    msec connect_ms;                  /* jms.connectTimeout, transport.connectTimeout; 0: the program's */
    msec send_ms;                     /* jms.sendTimeout (60000): until a message is confirmed; NEVER */
    msec close_ms;                    /* jms.closeTimeout (2000) */
    unsigned idle_ms;                 /* amqp.idleTimeout (60000); 0: none */
    unsigned frame_bytes;             /* amqp.maxFrameSize (65536) */
    unsigned channel_max;             /* amqp.channelMax (32767) */
    bool presettle_in, presettle_out; /* jms.presettlePolicy.presettleAll, …Consumers, …Producers */
    bool user_id;            /* jms.populateJMSXUserID: user-id is the login, whatever a header says */
    struct tcp_settings tcp; /* transport.tcpNoDelay, tcpKeepAlive, sendBufferSize, receiveBufferSize,
                                        trafficClass, soLinger, localAddress, localPort */
};

void amqp10_options_read(struct amqp10_options *o, const struct connection *c);
/* One log line that names the options which are accepted, but mean nothing here; none if there are none. */
void amqp10_options_note(const struct connection *c);

#endif
