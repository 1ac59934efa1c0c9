/* mqtt.h: MQTT 3.1.1 and 5 (OASIS) through libmosquitto, connectionType mqtt and mqtt-5.
 *
 * Sink: QoS 0 is confirmed when written to the socket, QoS 1 by PUBACK, QoS 2 by PUBCOMP; what MQTT 5 reports with them
 * as a failure becomes the message's error. The session is always clean, so after a restart nothing is left of an
 * unfinished QoS 2 delivery: it is a duplicate, never a loss. The client id is publisherId, else clientId or the
 * connection's id with a "p" behind it (empty: the broker chooses). keepAlive is honoured from 5 s on, 0 switches it
 * off; an unanswered PINGREQ ends the channel. */
#ifndef TRANSPORT_MQTT_H
#define TRANSPORT_MQTT_H

#include "transport/transport.h"

extern const struct transport mqtt_transport;

#endif
