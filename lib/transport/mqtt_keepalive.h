/* mqtt_keepalive.h: PINGREQ in time, and a broker of whom nothing is heard (private to mqtt_client.c; what it keeps is in the
 * client: mqtt_client.h says what it does). */
#ifndef TRANSPORT_MQTT_KEEPALIVE_H
#define TRANSPORT_MQTT_KEEPALIVE_H

#include "transport/mqtt_client.h"

/* Sets the timer by what was heard and sent last. */
void mqtt_keepalive_arm(struct mqtt_client *c);
/* What the timer fires; its arg is the client. */
void mqtt_keepalive_due(struct timer *t);

#endif
