/* hono.h: what a connection of type hono stands for: a Kafka connection to the operator's Hono.
 *
 * Source: Ditto, "Eclipse Hono binding"; connections reference 3.6. Unlike Ditto a reply target keeps its
 * expectedResponseTypes. */
#ifndef CONNECTION_HONO_H
#define CONNECTION_HONO_H

#include "connection/connection.h"

struct hono_settings {             /* texts as in the environment; none is NULL */
    const char *uri;               /* HONO_CONNECTION_URI, tcp://localhost:9092 */
    const char *bootstrap_servers; /* HONO_CONNECTION_BOOTSTRAP_SERVERS, localhost:9092 */
    const char *sasl_mechanism;    /* HONO_CONNECTION_SASL_MECHANISM, PLAIN */
    const char *user, *password;   /* HONO_CONNECTION_HONO_USERNAME, …_PASSWORD, empty */
    bool validate_certificates;    /* HONO_CONNECTION_VALIDATE_CERTIFICATE, false */
};
struct hono_settings hono_settings_of_environment(void);

/* Appends the resolved document, with secrets. 0, or -1 if the connection is of another type. */
int connection_put_resolved_hono(struct buf *dst, const struct connection *c, const struct hono_settings *s);

#endif
