/* option.h: options of mappers, and the templates in them.
 *
 * Options are read as text, whatever JSON they are: true and "true" are the same. A template in an option is not judged
 * before a message comes, as in Ditto; it may name headers, by their exact names, authorization subjects and the time.
 * Source: mapping reference 1.1, 2.7.
 *
 * Ownership: an option owns its text, so it outlives the connection's document. */
#ifndef MAPPING_OPTION_H
#define MAPPING_OPTION_H

#include "mapping/mapper.h"

/* The text of the option; SLICE_NONE without it. */
struct slice option_text(struct json options, struct slice name, struct buf *scratch);
bool option_flag(struct json options, struct slice name, bool otherwise);

struct option {
    char *text;
    struct template template;
};
/* SLICE_NONE counts as "". */
void option_compile(struct option *o, struct slice text);
void option_free(struct option *o);
/* Does a text hold a placeholder? */
bool option_is_template(struct slice text);

/* Options that are headers: templates by name. What they resolve to is text; the headers that Ditto knows are typed later. */
struct option_header {
    char *name;
    struct option value;
};
struct option_headers {
    size_t n;
    struct option_header *v;
};
/* Adds the members of an object; of a name that is there the new value counts. */
void option_headers_add(struct option_headers *h, struct json object);
void option_headers_free(struct option_headers *h);

/* What templates see of an external message. */
struct facts option_facts(const struct external *msg);

/* Fails with connectivity:message.mapper.config.invalid (400). Returns -1. */
int option_refuse(const struct mapper *m, const char *name, const char *why, struct ditto_error *err);

#endif
