/* headers.h: the headers that Ditto knows: their types, and which of them may cross its border.
 *
 * A name that is not in the table is the user's own: a string that passes both ways. Names are compared without regard to
 * the case of ASCII letters and keep the case they came in; of two spellings of one name the later one counts. Values are
 * judged under the exact lower-case name only, as Ditto does: "Timeout" may say what "timeout" may not. Typed values take
 * native JSON or a string of it, and print natively; null means absent; what stands for a string but is none becomes its
 * JSON text. Source: protocol reference, "Headers".
 *
 * Ownership: nothing is kept; values borrow the header object. */
#ifndef PROTOCOL_HEADERS_H
#define PROTOCOL_HEADERS_H

#include "json/view.h"
#include "protocol/error.h"

enum header_kind {
    HEADER_OF_TEXT,      /* any string */
    HEADER_OF_SOMETHING, /* not empty */
    HEADER_OF_BOOL,      /* true, false */
    HEADER_OF_INT,       /* int64 */
    HEADER_OF_STRINGS,   /* array of strings */
    HEADER_OF_LABELS,    /* array of acknowledgement labels */
    HEADER_OF_METADATA,  /* array of {key: pointer, value} */
    HEADER_OF_OBJECT,
    HEADER_OF_ETAG,     /* [W/]"…" */
    HEADER_OF_ETAGS,    /* "*" or a comma list of them */
    HEADER_OF_CHANNEL,  /* twin, live */
    HEADER_OF_DURATION, /* [+]digits and a unit: timeout.invalid */
    HEADER_OF_SELECTOR  /* field selector: parentheses in pairs */
};

struct header_rule {
    struct slice name; /* lower case */
    enum header_kind kind;
    bool in;               /* accepted from outside, else silently removed */
    bool out;              /* shown outside, else silently removed */
    unsigned char without; /* those of WITHOUT_… that leave it out */
};

/* NULL for a name of the user's own. */
const struct header_rule *header_rule(struct slice name);
/* All of them, in alphabetical order, for listings. */
const struct header_rule *header_rules(size_t *n);

enum header_border {
    BORDER_NONE, /* judge and type only */
    BORDER_IN,   /* remove what must not come from outside */
    BORDER_OUT   /* remove what must not be shown, and Ditto's own labels from requested-acks */
};

/* Headers that whoever asks writes himself: they are judged, but left out. */
enum {
    WITHOUT_CHANNEL = 1,
    WITHOUT_CONTENT_TYPE = 2,
    WITHOUT_RESPONSE_REQUIRED = 4,
    WITHOUT_REQUESTED_ACKS = 8,
    WITHOUT_ENTITY_REVISION = 16,
    WITHOUT_ENTITY_ID = 32,
    WITHOUT_MESSAGE = 64 /* the ditto-message-… and status */
};

/* What the way over the headers saw, whether it crossed the border or not. */
struct header_values {
    struct json content_type, response_required;
    size_t size; /* bytes of the names and values that were written */
};

enum { HEADERS_MAX_BYTES = 5000 }; /* names and values of a message; above that headers.too.large (431) */

/* Appends the headers as members ("name":value, with commas where due) to an object that was begun in dst. JSON_ABSENT and
 * null are no headers. 0, or -1 with header.invalid, timeout.invalid, json.invalid or json.format.invalid (400) in *err and
 * something of them in dst. */
int headers_put(struct buf *dst, struct json headers, enum header_border border, unsigned without,
                struct header_values *seen, struct ditto_error *err);
/* The same for members that were gathered. */
int headers_put_view(struct buf *dst, const struct json_view *headers, enum header_border border,
                     unsigned without, struct header_values *seen, struct ditto_error *err);
/* The same from inside for headers of a transport: all values are strings, arrays may be comma lists. */
int headers_put_strings(struct buf *dst, struct json headers, struct ditto_error *err);

#endif
