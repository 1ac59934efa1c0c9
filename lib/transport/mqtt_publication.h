/* mqtt_publication.h: what an external message makes of a PUBLISH (Ditto, "MQTT protocol binding").
 *
 * mqtt.topic, mqtt.qos, mqtt.retain and mqtt.message-expiry-interval (seconds) steer the packet; the last of several
 * headers of one name counts. MQTT 5 besides: correlation-id becomes correlation data, reply-to the response topic,
 * content-type the content type, every other header (the mqtt.* ones, too) a user property; blank ones are left out.
 * MQTT 3.1.1 has no headers: all but the first three are lost.
 *
 * Ownership: a publication owns its properties and its texts; it is used for one message after the other. Zeroed: empty. */
#ifndef TRANSPORT_MQTT_PUBLICATION_H
#define TRANSPORT_MQTT_PUBLICATION_H

#include <mosquitto.h>

#include "transport/transport.h"

struct mqtt_publication {
    struct buf topic; /* NUL-terminated beyond its length */
    int qos;
    bool retain;
    mosquitto_property *properties;
    struct buf text; /* private: decoded names and values */
};

/* 0, or -1 with connectivity:message.sending.failed (400): a bad value, a topic nobody may publish to, what MQTT cannot
 * carry (NUL, control characters, more than 65535 bytes). */
int mqtt_publication_make(struct mqtt_publication *p, const struct outgoing *m, bool v5,
                          struct ditto_error *err);
void mqtt_publication_free(struct mqtt_publication *p);

#endif
