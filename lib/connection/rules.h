/* rules.h: judging a connection (private to lib/connection).
 *
 * validate.c holds the checks in Ditto's order, types.c what differs by connection type, mappers.c the engines that there
 * are. A check gets a connection that may be incomplete: what is missing has been reported already. */
#ifndef CONNECTION_RULES_H
#define CONNECTION_RULES_H

#include "connection/credentials.h"
#include "connection/problems.h"
#include "connection/template.h"

#define TYPE_COUNT (TYPE_HONO + 1) /* as a connection_type: unknown */

typedef void rule(const struct connection *c, struct connection_problems *p);

struct type_rules {
    const char *text;                    /* connectionType */
    const char *label;                   /* for people */
    const char *scheme, *secure_scheme;  /* NULL: the scheme is not looked at */
    unsigned max_clients, max_consumers; /* 0: any number */
    bool no_sources;
    bool qos_required;
    int max_source_qos, max_target_qos;              /* -1: not looked at */
    unsigned credentials;                            /* set of 1u << enum credential */
    unsigned enforcement_input, enforcement_filters; /* placeholders */
    /* What is wrong with an address (static text), or NULL. NULL itself: anything goes. */
    const char *(*source_address)(struct slice address);
    const char *(*target_address)(struct slice address);
    rule *check; /* what only this type has; may be NULL */
};
extern const struct type_rules type_rules[TYPE_COUNT];

void connection_validate(const struct connection *c, struct connection_problems *p);

/* Can the mapper with this id be loaded: a definition with a known engine and its options, or an engine that needs none? */
bool mapper_known(const struct connection *c, struct slice id);

/* Rules of mqtt and mqtt-5. */
const char *mqtt_source_address(struct slice address);
const char *mqtt_target_address(struct slice address);
rule mqtt_check, mqtt3_check;

struct where source_at(const struct source *s);
struct where target_at(const struct target *t);
/* Every placeholder of the template is one of the set, or it is a problem. */
void check_template(struct connection_problems *p, struct where at, struct slice template, unsigned allowed);

#endif
