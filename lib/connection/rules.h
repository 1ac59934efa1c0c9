/* rules.h: judging a connection (private to lib/connection).
 *
 * validate.c holds the checks in Ditto's order; ends.c, security.c, diversion.c, topics.c and mappers.c what they do;
 * types.c what differs by connection type, with a file for each type that has much to say. A check gets a connection that
 * may be incomplete: what is missing has been reported already. */
#ifndef CONNECTION_RULES_H
#define CONNECTION_RULES_H

#include "connection/credentials.h"
#include "connection/problems.h"
#include "protocol/template.h"

#define TYPE_COUNT (TYPE_HONO + 1) /* as a connection_type: unknown */

enum { MAPPERS_MAX = 10 }; /* of a source, of a target */

/* What a document alone does not show. */
enum pem { PEM_CERTIFICATES, PEM_PRIVATE_KEY, PEM_RSA_PRIVATE_KEY, PEM_RSA_PUBLIC_KEY };
struct judge {
    bool only_mapping; /* templates, mappers and options; nothing that belongs to a type */
    bool (*pem)(struct slice text, enum pem kind); /* can it be read */
    const char *(*host)(struct slice host);        /* why it must not be reached, NULL if it may */
};
/* Looks at the shape of PEM only, and lets every host pass: for programs that get what has been judged. */
extern const struct judge document_judge;

typedef void rule(const struct connection *c, struct connection_problems *p);
typedef void asking_rule(const struct connection *c, const struct judge *j, struct connection_problems *p);

struct type_rules {
    const char *text;                    /* connectionType */
    const char *label;                   /* for people */
    const char *scheme, *secure_scheme;  /* NULL: the scheme is not looked at */
    unsigned max_clients, max_consumers; /* 0: what all types allow */
    bool no_sources;
    bool qos_required;
    int max_source_qos, max_target_qos; /* -1: not looked at */
    unsigned credentials;               /* of those that not every type has: set of 1u << enum credential */
    unsigned enforcement_input, enforcement_filters; /* placeholders */
    /* What is wrong with an address (static text), or NULL. NULL itself: anything goes. */
    const char *(*source_address)(struct slice address);
    const char *(*target_address)(struct slice address);
    rule *check; /* what only this type has; may be NULL */
};
extern const struct type_rules type_rules[TYPE_COUNT];

/* The one way through: parse, then validate. Results as of connection_examine. */
int connection_examine_by(const struct judge *j, struct connection *c, struct slice json,
                          struct connection_problems *p);
void connection_validate(const struct connection *c, const struct judge *j, struct connection_problems *p);

/* ends.c */
rule check_clients, check_sources, check_targets, check_templates;
/* security.c */
asking_rule check_certificates, check_host, check_tunnel;
asking_rule check_credentials;
rule check_scheme, check_token_endpoint;
/* diversion.c, topics.c, mappers.c */
rule check_diversion, check_filters, check_extra_fields, check_definitions, check_mappers;

/* Rules of one type each. */
const char *amqp091_target_address(struct slice address);
rule amqp10_check;
const char *mqtt_source_address(struct slice address);
const char *mqtt_target_address(struct slice address);
rule mqtt_check, mqtt3_check;
const char *kafka_source_address(struct slice address);
const char *kafka_target_address(struct slice address);
rule kafka_check;
asking_rule kafka_hosts;
const char *http_target_address(struct slice address);
rule http_check;
const char *hono_source_address(struct slice address);
const char *hono_target_address(struct slice address);

struct where source_at(const struct source *s);
struct where target_at(const struct target *t);
struct where specific_at(const char *key);
/* Is the template well formed, and names placeholders of the set only? If not, it is a problem. */
void check_template(struct connection_problems *p, struct where at, struct slice template, unsigned allowed);

#endif
