/* mqtt_message.h: received MQTT messages as lines (Ditto, "MQTT protocol binding").
 *
 * Headers: mqtt.topic, mqtt.qos (0 to 2), mqtt.retain (true or false); with MQTT 5 mqtt.message-expiry-interval (seconds), correlation-id
 * (correlation data, U+FFFD for what is no UTF-8), reply-to (response topic), content-type, and every user property but those
 * of these seven names. Of several user properties of one name the last counts; all stand in the line. */
#ifndef TRANSPORT_MQTT_MESSAGE_H
#define TRANSPORT_MQTT_MESSAGE_H

#include <mosquitto.h>

#include "base/buf.h"

/* Appends `,"headers":{…}` and the payload. */
void mqtt_message_put(struct buf *line, const struct mosquitto_message *m,
                      const mosquitto_property *properties);

#endif
