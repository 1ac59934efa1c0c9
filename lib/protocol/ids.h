/* ids.h: names of things, policies, connections, features, keys and acknowledgement labels.
 *
 *   thing, policy   namespace ":" name, at most 256 characters
 *     namespace     empty, or words joined by "." or "-"; a word is a letter, then letters, digits, "_"
 *     name          at least one character; no "/", no control character
 *   connection      1 to 100 of [a-zA-Z0-9-_:]
 *   key, feature    1 to 256 characters; no "/", no control character
 *   label           [ "{{" name ":" name "}}:" ] 3 to 165 of [a-zA-Z0-9-_:]
 *
 * Control characters are U+0000..U+001F and U+007F..U+00FF, so Latin-1 letters are refused and others are not. Characters
 * are counted as UTF-16 units, as Ditto does. Texts are UTF-8. Source: Ditto's documentation, "Namespace, name, and ID";
 * its code where that is stricter. Everything borrows the text it is given. */
#ifndef PROTOCOL_IDS_H
#define PROTOCOL_IDS_H

#include "protocol/error.h"

enum entity_type {
    ENTITY_THING,
    ENTITY_POLICY,
    ENTITY_CONNECTION,
    ENTITY_NAMESPACED /* a thing, a policy or something else that is named like them */
};

/* "thing", "policy", "connection"; "entity" for the last. */
const char *entity_type_text(enum entity_type t);

struct entity_id {
    struct slice full;
    struct slice namespace, name; /* SLICE_NONE for a connection */
};

/* Splits at the first ":". 0, or -1 with things:id.invalid, policies:id.invalid, connectivity:connection.id.invalid or
 * namespacedentity.id.invalid (400) in *err. out may be NULL. */
int entity_id_parse(struct slice text, enum entity_type t, struct entity_id *out, struct ditto_error *err);
/* The same for the two halves that a topic names; of a connection only the name counts. */
int entity_id_check(struct slice namespace, struct slice name, enum entity_type t, struct ditto_error *err);

/* Is it a key of an attribute, of a property, or a feature id? */
bool key_valid(struct slice key);
/* 0, or -1 with json.key.invalid (400) in *err. */
int key_check(struct slice key, struct ditto_error *err);
/* Holds it a control character? */
bool has_control(struct slice text);
/* UTF-16 units of a UTF-8 text. */
size_t utf16_length(struct slice text);

/* 0, or -1 with acknowledgement:label.invalid (400) in *err. */
int ack_label_check(struct slice label, struct ditto_error *err);
/* twin-persisted, live-response, search-persisted: what everybody may request and only Ditto may issue. */
bool ack_label_builtin(struct slice label);

#endif
