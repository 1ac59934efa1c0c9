/* table.h: every signal of Ditto that the Ditto Protocol carries, and where it stands there.
 *
 * One row a signal, used in both directions: (group, channel, criterion, action, shape of the path) on one side; type and
 * member names on the other. To add a signal is to add its row. What is common to several, the part of a topic that leads
 * to them and the form of their JSON, is their family: Ditto's "adapter", whose name it bears. */
#ifndef PROTOCOL_TABLE_H
#define PROTOCOL_TABLE_H

#include "protocol/path.h"

/* How the JSON of a signal is made. The first three: type, status or revision, entity id, the keys of the path, and the
 * envelope's value as one member. */
enum signal_form {
    FORM_COMMAND,
    FORM_QUERY, /* a command that wants an answer, maybe of selected fields only */
    FORM_RESPONSE,
    FORM_EVENT,
    FORM_CREATE,          /* a thing or policy that brings its own id: create commands and their responses */
    FORM_RETRIEVE_THINGS, /* of many things */
    FORM_THINGS,          /* the answer */
    FORM_MERGE,           /* the path is a member */
    FORM_MERGED,          /* the answer, the event */
    FORM_MIGRATE,
    FORM_MIGRATE_RESPONSE,
    FORM_CHECK, /* permissions: no entity */
    FORM_CHECK_RESPONSE,
    FORM_MESSAGE,
    FORM_MESSAGE_RESPONSE,
    FORM_ACK,
    FORM_ACKS,
    FORM_ERROR,
    FORM_SEARCH, /* no entity; the value's members are the signal's */
    FORM_SEARCH_EVENT,
    FORM_STREAM, /* the same with entity type and id */
    FORM_STREAM_EVENT,
    FORM_ANNOUNCEMENT,
    FORM_UNSUPPORTED /* known, but not carried */
};

/* Does an envelope need a status to be of the family? */
enum status_presence { STATUS_ANY, STATUS_WITHOUT, STATUS_WITH };

/* What else tells two families with the same topics apart. */
enum family_sign { SIGN_NONE, SIGN_WILD_NAME, SIGN_TAME_NAME, SIGN_SUBJECT, SIGN_NO_SUBJECT };

/* How a family reads the path of an envelope. */
enum path_use {
    PATH_IGNORED,
    PATH_BY_ROW,   /* each shape is another signal */
    PATH_OF_THING, /* any place in a thing will do */
    PATH_OF_MESSAGE
};

struct family {
    const char *name;                /* as Ditto calls it, without "Adapter" */
    unsigned groups;                 /* bits: 1 << GROUP_THINGS … */
    unsigned channels, out_channels; /* bits: 1 << CHANNEL_TWIN …; accepted, and printed */
    enum topic_criterion criterion;
    enum status_presence status;
    enum family_sign sign;
    enum path_use path;
    enum topic_action also; /* an action that is of the family, but of none of its signals */
    bool tame; /* a header that says live forbids printing, and a channel that cannot be fails otherwise */
};

/* What the value of an envelope, or the member of a signal, has to be. */
enum value_kind {
    VALUE_NONE,
    VALUE_ANY, /* any JSON */
    VALUE_THING,
    VALUE_POLICY_ID,
    VALUE_DEFINITION,
    VALUE_ATTRIBUTES,
    VALUE_KEYED, /* any JSON whose objects have valid keys */
    VALUE_FEATURES,
    VALUE_FEATURE,
    VALUE_FEATURE_DEFINITION,
    VALUE_PROPERTIES,
    VALUE_PLAIN_THING, /* JSON, in the signal a string of it */
    VALUE_POLICY,
    VALUE_PLAIN_POLICY, /* not looked into */
    VALUE_ENTRIES,
    VALUE_ENTRY,
    VALUE_RESOURCES,
    VALUE_RESOURCE,
    VALUE_SUBJECTS,
    VALUE_SUBJECT,
    VALUE_IMPORTABLE,
    VALUE_ADDITIONS,
    VALUE_STRINGS,
    VALUE_REFERENCES,
    VALUE_IMPORTS,
    VALUE_IMPORT,
    VALUE_OBJECT,
    VALUES
};

/* Which status an answer may have with a value, and which without one: bits of these. */
enum { STATUS_200 = 1, STATUS_201 = 2, STATUS_204 = 4, STATUS_EVERY = 8 };

/* Members of a record: search, streaming, announcements and migration carry the value's members as their own. */
enum record_type {
    RECORD_STRING,
    RECORD_LONG,
    RECORD_STRINGS,
    RECORD_SUBJECTS,
    RECORD_ARRAY,
    RECORD_OBJECT,
    RECORD_BOOL,
    RECORD_INSTANT,
    RECORD_ERROR,
    RECORD_ANY
};
struct record_field {
    const char *name;
    enum record_type type;
    bool optional;
    const char *missing; /* what stands in the signal where the value has none; NULL: nothing */
};

enum {
    ROW_OUT_ONLY = 1,      /* no envelope gives it */
    ROW_OPTIONAL = 2,      /* the value may be missing */
    ROW_NULL = 4,          /* null is the answer's value when it has none */
    ROW_FIELDS = 8,        /* takes a field selection */
    ROW_SEGMENT = 16,      /* of a key that is all that is left only its first segment counts */
    ROW_TYPELESS = 32,     /* prints the path of a resource without its type, as Ditto does */
    ROW_PATH_OF_VALUE = 64 /* prints the root as path when it has no value, as Ditto does */
};

struct signal_row {
    const char *type; /* "things.commands:modifyAttribute" */
    unsigned type_len;
    const struct family *family;
    enum signal_form form;
    enum topic_action action;
    const char *subject; /* of announcements */
    enum shape shape;
    const char *member; /* that holds the value; NULL: none */
    enum value_kind value;
    const struct record_field *fields; /* ended by a NULL name */
    unsigned flags;
    unsigned char with, without; /* accepted status with and without a value */
    int status;                  /* the one that an answer gets whatever was sent; 0: the one sent */
};

static inline struct slice row_type(const struct signal_row *row)
{
    return slice_of(row->type, row->type_len);
}

/* The family of a topic; NULL if no signal has such a topic. */
const struct family *family_of(const struct topic *t, bool has_status);
/* The signal in a family, NULL if there is none for that action (announcements: subject) and, where the family goes by it,
 * shape. */
const struct signal_row *row_of(const struct family *f, const struct topic *t, enum shape s);
/* By type; NULL if it is unknown. */
const struct signal_row *row_of_type(struct slice type);
/* All rows, in the order of the table. */
const struct signal_row *table_rows(size_t *n);
/* What an envelope of the row looks like, with keys in braces: its topic, its path ("*": any place in a thing). */
void table_put_topic(struct buf *dst, const struct signal_row *row);
const char *table_path_text(const struct signal_row *row);

#endif
