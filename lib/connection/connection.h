/* connection.h: Ditto's Connection model ("Connections", the JSON of /api/2/connections), parsed and checked.
 *
 * One struct for all programs: transports read uri, credentials, addresses and qos; ditto-map reads mappings; the hub
 * reads topics and labels. Ownership: struct connection owns a compact copy of its document (json) and everything
 * parsed from it; slices borrow that copy, decoded texts live in arena. connection_free gives all back and wipes it.
 *
 * Defaults (Ditto's): clientCount 1, processorPoolSize 1, failoverEnabled true, validateCertificates true,
 * consumerCount 1, payloadMapping ["Ditto"] when empty. */
#ifndef CONNECTION_CONNECTION_H
#define CONNECTION_CONNECTION_H

#include "json/json.h"
#include "protocol/error.h"
#include "protocol/topic.h"

enum connection_type {
    TYPE_AMQP_091,
    TYPE_AMQP_10,
    TYPE_MQTT,
    TYPE_MQTT_5,
    TYPE_KAFKA,
    TYPE_HTTP_PUSH,
    TYPE_HONO
};

enum { QOS_ABSENT = -1 };

struct slices {
    size_t n;
    struct slice *v;
};
struct pairs { /* name → template, in document order */
    size_t n;
    struct {
        struct slice name, value;
    } * v;
};

struct reply_target {
    bool present;
    struct slice address;
    struct pairs header_mapping;
    bool response, error, nack; /* expectedResponseTypes */
};

struct source {
    size_t index; /* in the document's array */
    struct slices addresses;
    unsigned consumer_count;
    int qos;                /* or QOS_ABSENT */
    struct slices subjects; /* authorizationContext */
    struct pairs header_mapping;
    struct slices payload_mapping;
    struct slice enforcement_input; /* SLICE_NONE: no enforcement */
    struct slices enforcement_filters;
    struct slices ack_includes;
    struct slice ack_filter; /* SLICE_NONE */
    struct slices declared_acks;
    struct reply_target reply;
};

struct target {
    size_t index; /* in the document's array */
    struct slice address;
    size_t n_topics;
    struct target_topic *topics;
    int qos; /* or QOS_ABSENT */
    struct slices subjects;
    struct slice issued_label; /* {{connection:id}} resolved; SLICE_NONE */
    struct pairs header_mapping;
    struct slices payload_mapping;
};

struct mapping_definition {
    struct slice id, engine;
    struct json options, incoming_conditions, outgoing_conditions;
};

struct uri {
    struct slice scheme, user, password /* percent-decoded; SLICE_NONE without user info */, host, path;
    unsigned port;
    bool tls;
};

struct connection {
    struct buf doc;    /* compact JSON */
    struct json json;  /* the root object in doc */
    struct buf *arena; /* private: list of decoded texts */
    size_t n_arena;
    struct slice id, name;
    enum connection_type type;
    struct slice type_text;
    bool open; /* connectionStatus == "open" */
    struct slice status;
    struct uri uri;
    unsigned client_count, processor_pool_size;
    bool failover, validate_certificates;
    size_t n_sources, n_targets, n_definitions;
    struct source *sources;
    struct target *targets;
    struct mapping_definition *definitions;
    struct pairs specific;                    /* specificConfig, scalars as text */
    struct slice ca, client_cert, client_key; /* PEM, SLICE_NONE */
    struct json credentials, ssh_tunnel;      /* as they stand; JSON_ABSENT */
    struct slices tags;
};

/* Parses and judges what the document alone shows (before it is stored: control.h). Values that are masked are taken for
 * what has been judged. 0, or -1 with the first problem in Ditto's order in *err (json.invalid, json.field.missing,
 * connectivity:connection.id.invalid, …uri.invalid, …configuration.invalid, acknowledgement:label.invalid, …).
 * *c is only valid (and to be freed) after 0. */
int connection_parse(struct connection *c, struct slice json, struct ditto_error *err);
/* The same, reporting every problem of the document (at most CONNECTION_PROBLEMS_MAX), in Ditto's order, so that the
 * first one is Ditto's. At most one problem is reported for a place and what lies below it. *p is filled anew and freed by
 * the caller in any case. 0, or -1 if there are problems: then there is no *c. */
enum { CONNECTION_PROBLEMS_MAX = 64 };
struct connection_problems {
    size_t n;
    struct ditto_error *v;
    struct ditto_error ignored; /* private */
};
int connection_examine(struct connection *c, struct slice json, struct connection_problems *p);
void connection_problems_free(struct connection_problems *p);
/* Reads "-c PATH" (a file, "-" or "fd:N") and examines. On failure logs a line for each problem and returns an exit code:
 * 100 for a bad document, 111 for an unreadable one; 0 otherwise. */
int connection_load(struct connection *c, const char *path);
/* The same for who only maps: beyond shape and types of members, templates, mappers and their options are judged, but no
 * rule that belongs to the connection's type or to its ends. */
int connection_parse_for_mapping(struct connection *c, struct slice json, struct ditto_error *err);
int connection_examine_for_mapping(struct connection *c, struct slice json, struct connection_problems *p);
int connection_load_for_mapping(struct connection *c, const char *path);
void connection_free(struct connection *c);
const struct mapping_definition *connection_definition(const struct connection *c, struct slice id);
/* specificConfig value, SLICE_NONE if absent */
struct slice connection_specific(const struct connection *c, struct slice key);
const char *connection_type_text(enum connection_type t);
/* The effective document: Ditto's member order, defaults and the reply targets that were implied written out, legacy
 * inputs converted, unknown members left out. With secrets. Parsing it gives the same connection again. */
void connection_put_effective(struct buf *dst, const struct connection *c);
/* The document without secrets (secrets.h): each is "*****", in URIs the part that is one. Same member order. */
void connection_put_masked(struct buf *dst, struct json doc);
/* The same, but with what who maps messages needs: values of header mappings, addresses, options of mappers. */
void connection_put_without_credentials(struct buf *dst, struct json doc);
/* Appends an address of a source or target as everybody may see it in status, metrics and logs: without its secrets. */
void connection_put_shown_address(struct buf *dst, struct slice address);
/* [a-zA-Z0-9-_:]{1,100} */
bool connection_id_valid(struct slice id);

#endif
