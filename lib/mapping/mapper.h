/* mapper.h: payload mappers, one engine a file behind one interface.
 *
 * A source or target names mappers by id. An id stands for a definition of the connection, else for the engine of that
 * name. Every mapper of a list sees the same message; what they make of it is put one after the other. Source: mapping
 * reference 1.1-1.5; Ditto's documentation, "Payload mapping".
 *
 * An engine maps at once, in this process; or it has a program of the user's, which runs in a worker: then the mapper has
 * the number of its script, and the answer of the worker is put in the place of what the engine would have made.
 *
 * Ownership: text is borrowed from the connection. */
#ifndef MAPPING_MAPPER_H
#define MAPPING_MAPPER_H

#include "connection/connection.h"
#include "mapping/placeholder.h"

enum {
    MAPPERS_MAX = 10, /* of one source or target */
    RESULTS_MAX = 10, /* of one mapper for one message */
    SCRIPT_MAX_BYTES = 50000,
    NO_SCRIPT = -1,
};

enum way { WAY_IN, WAY_OUT }; /* external to Ditto, Ditto to external */

enum language { LANGUAGE_JQ, LANGUAGE_JAVASCRIPT, LANGUAGES };

/* Programs for the workers, numbered from 0. */
struct script {
    struct slice mapper; /* its id */
    enum way way;
    enum language language;
    struct slice text; /* owned; what it means is the language's: a program, or an object with several */
};
struct scripts {
    size_t n;
    struct script *v;
};
void scripts_free(struct scripts *s);

/* A pipeline that lets a value pass, or not. */
struct condition {
    struct slice name; /* as it stands in the connection */
    char *text;
    struct template template;
};

struct mapper {
    struct slice id;
    const struct connection *connection; /* that it is compiled for; NULL: none */
    const struct engine *engine;
    int script;             /* NO_SCRIPT: the engine maps in this process */
    enum language language; /* of the script */
    void *own;              /* what the engine made of its options */
    size_t n_blocked;
    struct slice *blocked; /* content types that it drops */
    char *blocked_text;    /* what they borrow */
    size_t n_conditions;
    struct condition *conditions; /* of the way that it is compiled for */
};

/* An external message as mappers see it. */
struct external {
    const struct line *line;
    struct headers headers; /* of the line */
    struct json subjects;   /* authorization subjects of the source as they are set: an array */
    bool has_payload;
    struct slice payload; /* text or bytes, decoded */
};

/* What a mapper makes of an external message: the JSON text of Ditto Protocol messages. */
struct incoming {
    size_t n;
    struct slice v[RESULTS_MAX + 1];
    struct buf *room; /* empty; for what a mapper makes */
};

/* What a mapper makes of a Ditto Protocol message: external messages. */
enum payload_kind {
    PAYLOAD_NONE,
    PAYLOAD_TEXT,  /* any text */
    PAYLOAD_RAW,   /* text, as a JSON string with its quotes */
    PAYLOAD_BYTES, /* base64, as a JSON string with its quotes */
};
struct published {
    struct json address;        /* string; JSON_ABSENT: the target's */
    struct slice content_type;  /* header, unless headers has it; SLICE_NONE: none */
    struct json correlation_id; /* likewise; JSON_ABSENT: none */
    struct json headers;        /* object; JSON_ABSENT: no more */
    enum payload_kind kind;
    struct slice payload;
};
struct outgoing {
    size_t n;
    struct published v[RESULTS_MAX + 1];
    struct buf *room; /* likewise */
};

struct engine {
    const char *alias;
    const char *class_name; /* Ditto's own name of the engine, NULL for ours */
    const char *blocked;    /* default of the option content-type-blocklist */
    bool needs_definition;
    /* Reads the options of the engine's own. 0, or -1 with connectivity:message.mapper.config.invalid. NULL: none. */
    int (*configure)(struct mapper *m, struct json options, enum way way, struct scripts *scripts,
                     struct ditto_error *err);
    void (*release)(struct mapper *m); /* gives back what configure made. NULL: nothing */
    /* Append results, which borrow the message and the room. 0, or -1 with *err. Not called for a mapper with a script. */
    int (*incoming)(const struct mapper *m, const struct external *msg, struct incoming *to,
                    struct ditto_error *err);
    int (*outgoing)(const struct mapper *m, struct slice envelope, struct json correlation_id,
                    struct outgoing *to, struct ditto_error *err);
};

/* d: how the id is defined; NULL: it is an engine's. c may be NULL. 0, or -1 with connectivity:connection.configuration.invalid
 * or connectivity:message.mapper.config.invalid in *err. *m is to be freed in any case. */
int mapper_compile(struct mapper *m, const struct connection *c, const struct mapping_definition *d,
                   struct slice id, enum way way, struct scripts *scripts, struct ditto_error *err);
void mapper_free(struct mapper *m);
/* Does it drop messages of this content type (SLICE_NONE: none)? Inbound only. */
bool mapper_blocks(const struct mapper *m, struct slice content_type);
/* Is a message for it: do all its conditions hold? They are evaluated all, so that one that cannot be always fails. */
enum turn {
    TURN_MAPS,
    TURN_DROPS,
    TURN_BLOCKED, /* because of the content type: mapper_blocks */
    TURN_FAILS    /* with *err */
};
enum turn mapper_turn(const struct mapper *m, const struct facts *f, struct scratch *s,
                      struct ditto_error *err);
/* The error of a message that a mapper cannot map; why is printf-like and goes to the description. Returns -1. */
int mapper_fail(const struct mapper *m, struct ditto_error *err, const char *why, ...)
    __attribute__((format(printf, 3, 4)));

/* For configure: a copy of text becomes the mapper's script. */
void mapper_script(struct mapper *m, struct slice text, enum way way, enum language language,
                   struct scripts *scripts);

/* --- for engines -------------------------------------------------------------------------------------------------- */

/* Ditto's name of an engine. */
#define MAPPER_CLASS(name) "org.eclipse.ditto.connectivity.service.mapping." name

/* Content types of what Hono sends that is no message of a device. */
#define MAPPER_HONO "application/vnd.eclipse-hono-"
#define MAPPER_HONO_NOTICES                                                                                  \
    MAPPER_HONO "empty-notification," MAPPER_HONO "device-provisioning-notification," MAPPER_HONO            \
                "dc-notification+json," MAPPER_HONO "delivery-failure-notification+json"

extern const struct engine mapper_ditto, mapper_jq, mapper_javascript, mapper_normalized, mapper_raw_message,
    mapper_implicit_thing_creation, mapper_update_twin, mapper_connection_status, mapper_cloud_events;

/* What others do too: the message is the payload; no message; nothing to publish. */
int ditto_incoming(const struct mapper *m, const struct external *msg, struct incoming *to,
                   struct ditto_error *err);
int ditto_outgoing(const struct mapper *m, struct slice envelope, struct json correlation_id,
                   struct outgoing *to, struct ditto_error *err);
int mapper_makes_nothing(const struct mapper *m, const struct external *msg, struct incoming *to,
                         struct ditto_error *err);
int mapper_publishes_nothing(const struct mapper *m, struct slice envelope, struct json correlation_id,
                             struct outgoing *to, struct ditto_error *err);

#endif
