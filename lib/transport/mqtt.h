/* mqtt.h: MQTT 3.1.1 and 5 (OASIS) through libmosquitto, connectionType mqtt and mqtt-5.
 *
 * Sink (mqtt_out_transport): QoS 0 is confirmed when handed to the socket, QoS 1 by PUBACK, QoS 2 by PUBCOMP; what MQTT 5
 * reports with them as a failure becomes the message's error. The session is always clean, so after a restart nothing is
 * left of an unfinished QoS 2 delivery: it is a duplicate, never a loss. The client id is publisherId, else clientId or
 * the connection's id with a "p" behind it (empty: the broker chooses). lastWill* is set.
 *
 * Source (mqtt_in_transport): one session for all sources; the client id is clientId, else the connection's id. What is
 * received stays unacknowledged until all that was received with it is settled (mqtt_in.c, "the gate"). QoS 2 is
 * subscribed as 1. A redelivery comes from the bytes at hand, at most `redeliveries` times, or from the broker to a
 * connection anew (reconnectForRedelivery). The session is kept unless cleanSession says otherwise or there is no client
 * id.
 *
 * Both: keepAlive is honoured from 5 s on, 0 switches it off. */
#ifndef TRANSPORT_MQTT_H
#define TRANSPORT_MQTT_H

#include <mosquitto.h>

#include "transport/transport.h"

extern const struct transport mqtt_out_transport, mqtt_in_transport;

#define MQTT_TEXT(n)  MQTT_TEXT_(n)
#define MQTT_TEXT_(n) #n
#define MQTT_LIBRARIES                                                                                       \
    "libmosquitto " MQTT_TEXT(LIBMOSQUITTO_MAJOR) "." MQTT_TEXT(LIBMOSQUITTO_MINOR) "." MQTT_TEXT(           \
        LIBMOSQUITTO_REVISION)

#endif
