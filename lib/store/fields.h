/* fields.h: field selectors ("HTTP API concepts: partial resources"): `id,sources/addresses,credentials(type,username)`.
 *
 * Comma list of pointers whose parentheses multiply out; a leading slash may be left out. Through arrays of objects a
 * selector applies to each element. What is selected keeps the order of the document.
 * Ownership: slices borrow the selector's text. */
#ifndef STORE_FIELDS_H
#define STORE_FIELDS_H

#include "json/json.h"
#include "protocol/error.h"

enum { FIELDS_MAX = 64, FIELDS_MAX_DEPTH = 16 };

struct fields {
    size_t n;
    struct pointer {
        size_t n;
        struct slice segment[FIELDS_MAX_DEPTH];
    } v[FIELDS_MAX];
};

/* 0, or -1 with json.fieldselector.invalid (400): unbalanced, empty, or over the limits. */
int fields_parse(struct fields *f, struct slice text, struct ditto_error *err);
/* Appends what f selects of an object. */
void fields_put(struct buf *dst, struct json object, const struct fields *f);

#endif
