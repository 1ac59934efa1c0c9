/* path.h: the paths of the Ditto Protocol, and the shapes they come in ("Protocol specification: path").
 *
 * A shape is a pattern of words and keys: "/features/{featureId}/properties/{property...}". A key is one segment, one with
 * dots all that is left. Segments are taken literally: "~0" and "%2F" are no escapes. The first slash is optional, one last
 * slash is dropped, "//" is json.pointer.invalid, but for a policy's subject ids, which may hold anything.
 *
 * Ownership: a path borrows its text. */
#ifndef PROTOCOL_PATH_H
#define PROTOCOL_PATH_H

#include "protocol/topic.h"

enum shape {
    SHAPE_UNKNOWN,
    SHAPE_ROOT, /* of a thing or a policy */
    SHAPE_POLICY_ID,
    SHAPE_DEFINITION,
    SHAPE_ATTRIBUTES,
    SHAPE_ATTRIBUTE,
    SHAPE_FEATURES,
    SHAPE_FEATURE,
    SHAPE_FEATURE_DEFINITION,
    SHAPE_PROPERTIES,
    SHAPE_PROPERTY,
    SHAPE_DESIRED_PROPERTIES,
    SHAPE_DESIRED_PROPERTY,
    SHAPE_INLINE_POLICY,
    SHAPE_INLINE_POLICY_PART,
    SHAPE_ENTRIES,
    SHAPE_ENTRY,
    SHAPE_RESOURCES,
    SHAPE_RESOURCE,
    SHAPE_SUBJECTS,
    SHAPE_SUBJECT,
    SHAPE_IMPORTABLE,
    SHAPE_ALLOWED_ADDITIONS,
    SHAPE_NAMESPACES,
    SHAPE_REFERENCES,
    SHAPE_IMPORTS,
    SHAPE_IMPORT,
    SHAPE_IMPORT_ENTRIES,
    SHAPE_TRANSITIVE_IMPORTS,
    SHAPE_INBOX, /* messages: to a thing, from it, the same of a feature */
    SHAPE_OUTBOX,
    SHAPE_FEATURE_INBOX,
    SHAPE_FEATURE_OUTBOX,
    SHAPES
};

enum { PATH_KEYS = 2 };

struct path {
    enum shape shape;
    struct slice text;            /* without the outer slashes */
    struct slice keys[PATH_KEYS]; /* as they stand */
};

/* The shape of a path on things or policies; SHAPE_UNKNOWN if it has none. 0, or -1 with json.pointer.invalid (400). */
int path_parse(struct slice text, enum topic_group group, struct path *out, struct ditto_error *err);
/* The same for the path of a message: one of the last four shapes, else protocoladapter:invalid.path (400). */
int path_parse_message(struct slice text, struct path *out, struct ditto_error *err);

/* "/attributes/{attribute...}" */
const char *shape_text(enum shape s);
/* How many keys a shape has, and their names. */
size_t shape_keys(enum shape s, struct slice names[PATH_KEYS]);
/* Is the last key of the shape all that is left? */
bool shape_open(enum shape s);
/* Appends the path with these keys, as the inside of a JSON string. A key that is all that is left may have a slash in
 * front. */
void path_put(struct buf *dst, enum shape s, const struct slice keys[PATH_KEYS]);

/* Appends text that stands for a pointer as Ditto prints it, as the inside of a JSON string: each "~" becomes "~0" unless
 * literal is false and it is one already. */
void pointer_put_escaped(struct buf *dst, struct slice text, bool literal);
/* Is every segment of "a/b" or "/a/b" a valid key? */
bool path_keys_valid(struct slice rest);

#endif
