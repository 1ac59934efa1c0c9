/* signal_value.h: the values that signals and envelopes carry, put through Ditto's models of them.
 *
 * A model knows its members: it prints them in its own order, drops others and refuses what cannot be. What it does not
 * look into (attributes, properties, …) is spliced byte for byte. Private to the adapter. */
#ifndef PROTOCOL_SIGNAL_VALUE_H
#define PROTOCOL_SIGNAL_VALUE_H

#include "json/json.h"
#include "protocol/table.h"

struct value_way {
    struct buf *dst;
    struct ditto_error *err;
    const char *
        wrong_kind; /* code for a value of another JSON type: json.format.invalid of an envelope, json.invalid of a
                               signal */
    bool odd_keys;   /* keys have to be looked at: json_notes said so */
    bool patterns;   /* "{{ ~regex~ }}" may be a key */
    bool special;    /* write what only commands and signals show: _namespace, _revision, … */
    bool derive;     /* write _namespace, imports and the like even if they are not there */
    struct slice id; /* "ns:name" that the value gets; SLICE_NONE: it keeps its own */
};

/* Appends v as kind would print it. 0, or -1 with *err and something of it in dst. */
int value_put(struct value_way *w, enum value_kind kind, struct json v);
/* Has every object in v valid keys, but those in arrays? json.key.invalid (400). */
int value_check_keys(struct value_way *w, struct json v);
/* A definition of a thing or an element of one of a feature: "namespace:name:version" or an http URL. */
bool definition_valid(struct slice text);
/* "<issuer>:<subject>": policies:subjectid.invalid (400). */
int subject_id_check(struct slice id, struct ditto_error *err);
/* "<type>:<path>": json.invalid (400). */
int resource_key_check(struct slice key, struct ditto_error *err);

/* For the files of this module. */
int value_refuse(struct value_way *w, const char *what);
int value_put_policy(struct value_way *w, enum value_kind kind, struct json v);
/* Appends an object's members that are in names (ended by NULL), in that order, as written; null is a value. */
void value_put_members(struct buf *dst, struct json object, const char *const *names);

#endif
