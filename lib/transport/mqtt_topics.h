/* mqtt_topics.h: the subscriptions of a session, and which sources a message is for.
 *
 * Each distinct topic filter is subscribed once, with the highest QoS that a source wants of it, 2 counting as 1. As in
 * Ditto a message is for every source that has a filter which it matches. A broker may send one copy for each matching
 * subscription (mosquitto does); with MQTT 5 each copy says which one it is for, by the identifier of the subscription, so
 * that each source gets one. Without identifiers the filters decide, and copies are copies.
 *
 * Ownership: struct mqtt_topics owns its texts. */
#ifndef TRANSPORT_MQTT_TOPICS_H
#define TRANSPORT_MQTT_TOPICS_H

#include <mosquitto.h>

#include "transport/transport.h"

struct mqtt_topic {
    char *filter;
    int qos;
    bool *lanes; /* whose it is */
    int mid;     /* of the SUBSCRIBE under way; 0: none */
};

struct mqtt_topics {
    size_t n, n_lanes;
    struct mqtt_topic *v; /* the identifier of v[i] is i + 1 */
};

void mqtt_topics_make(struct mqtt_topics *t, const struct channel_config *cfg);
void mqtt_topics_free(struct mqtt_topics *t);
/* Which lanes a message is for; true if any. */
bool mqtt_topics_match(const struct mqtt_topics *t, const char *topic, const mosquitto_property *properties,
                       bool *wanted);

#endif
