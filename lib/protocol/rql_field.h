/* rql_field.h: what a property of a filter names.
 *
 *   thingId policyId definition _namespace _revision _created _modified _metadata   fields of the thing
 *   attributes/…  features/F/properties/…  features/F/desiredProperties/…  _metadata/…   what stands at that pointer
 *   features/F/definition                                                           its identifiers
 *   features/F  features/F/properties  features/F/desiredProperties                 in exists and empty only
 *   prefix:name                                                                     placeholders, where they are registered
 *
 * A leading "/" is ignored. Source: protocol reference 10.3.
 *
 * Ownership: a field owns its keys and borrows the property. */
#ifndef PROTOCOL_RQL_FIELD_H
#define PROTOCOL_RQL_FIELD_H

#include "protocol/time_expression.h"
#include "protocol/rql.h"

/* Which placeholders are registered. */
enum rql_scope {
    RQL_TOPIC =
        1 << 0, /* topic:full namespace entityName group channel criterion action subject action-subject */
    RQL_RESOURCE = 1 << 1, /* resource:type path */
    RQL_ENTITY = 1 << 2,   /* entity:id namespace name */
    RQL_THING = 1 << 3,    /* thing:id namespace name */
    RQL_FEATURE = 1 << 4,  /* feature:id */
    RQL_TIME = 1 << 5,     /* time:now… */
    RQL_OF_THING = RQL_TIME,
    RQL_OF_MESSAGE = RQL_TOPIC | RQL_RESOURCE | RQL_ENTITY | RQL_THING | RQL_FEATURE | RQL_TIME,
};

enum rql_field_type {
    FIELD_VALUE,      /* what stands at keys, arrays of objects on the way looked through */
    FIELD_PART,       /* the same, arrays not looked through */
    FIELD_FEATURE,    /* keys of a feature: empty if it has none of its three parts */
    FIELD_HIDDEN,     /* exists and empty do not see it, whatever it holds */
    FIELD_NOWHERE,    /* a pointer that names nothing ("//") */
    FIELD_PLACEHOLDER /* scope, name */
};

struct rql_key {
    struct slice text; /* decoded */
    size_t end;        /* where it ends in path */
};

struct rql_field {
    enum rql_field_type type;
    /* Of FIELD_VALUE, FIELD_PART, FIELD_FEATURE: where it is. */
    size_t n_keys;
    struct rql_key *keys;
    struct slice path; /* as Ditto prints it, but without the first "/": "attributes/a~0b" */
    /* What extraFields are compared with: the pointer, of feature properties without "properties" or "desiredProperties", as
     * in Ditto. Empty: they never make this field unknown. */
    struct slice pointer;
    char *texts; /* what keys, path and pointer point into */
    /* of FIELD_PLACEHOLDER */
    enum rql_scope scope;
    struct slice name;
    struct time_expression time;
};

/* What the property of a node names. 0, or -1 with rql.expression.invalid (400) in *err; *f is only to be freed after 0. */
int rql_field_of(struct rql_field *f, const struct rql_node *n, unsigned scope, struct ditto_error *err);
void rql_field_free(struct rql_field *f);

#endif
