/* selector.h: JSON field selectors: which parts of an object are wanted.
 *
 *   protocol   the envelope's `fields`: pointers joined by ","
 *   full       query parameters, headers: "attributes(a,b/c),features/f": parentheses nest and multiply out
 *   extra      extraFields of target topics: full, but only known fields of a thing, no blank, no grouping with a comma
 *
 * A part that holds a placeholder "{{ … }}" is taken as one pointer, its parentheses included. Pointers are Ditto's
 * (json/pointer.h); empty parts vanish, repeated ones merge. Source: protocol reference 7.5.
 *
 * Ownership: a selector owns its texts and borrows nothing. */
#ifndef PROTOCOL_SELECTOR_H
#define PROTOCOL_SELECTOR_H

#include "json/json.h"
#include "protocol/error.h"

enum { SELECTOR_POINTERS_MAX = 4096, SELECTOR_BYTES_MAX = 1024 * 1024, SELECTOR_DEPTH_MAX = 100 };

struct selector {
    size_t n;
    struct slice *pointers; /* as Ditto prints them: "/attributes/a~0b" */
    char *texts;
};

/* All: 0, or -1 with *err; *s is only to be freed after 0. Too many, too long or too deeply nested pointers are
 * json.fieldselector.invalid (400). */
/* json.pointer.invalid (400) for "//". */
int selector_parse_protocol(struct selector *s, struct slice text, struct ditto_error *err);
/* The same, and json.fieldselector.invalid (400) for parentheses without their counterpart, or a text that is not
 * form-encoded although it is said to be. */
int selector_parse(struct selector *s, struct slice text, bool form_encoded, struct ditto_error *err);
/* The same, and things:field.selection.invalid (400). */
int selector_parse_extra(struct selector *s, struct slice text, struct ditto_error *err);
void selector_free(struct selector *s);

/* Appends what the selector leaves of v: members in v's order, of arrays the objects in them; {} if nothing is there. any_id:
 * "*" behind "/features" stands for every feature. What is not selected from stays as written. */
void selector_apply(struct buf *dst, const struct selector *s, struct json v, bool any_id);

#endif
