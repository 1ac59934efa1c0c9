/* mqtt.h: MQTT 3.1.1 and 5 (OASIS) through libmosquitto, connectionType mqtt and mqtt-5.
 *
 * Sink: QoS 0 is confirmed when written to the socket, QoS 1 by PUBACK, QoS 2 by PUBCOMP. */
#ifndef TRANSPORT_MQTT_H
#define TRANSPORT_MQTT_H

#include "transport/transport.h"

extern const struct transport mqtt_transport;

#endif
