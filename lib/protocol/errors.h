/* errors.h: the error codes that Ditto registers, and error objects as it reads them again.
 *
 * An error object that travels in a message (an error response, a failed subscription) is not copied: a known code has
 * its own status whatever was sent, needs a message, and loses members that are none of its class; an unknown one keeps
 * its status. Texts are kept as they came: Ditto adds its own description to a known error without one, we do not.
 * Source: the registry of Ditto's exceptions. */
#ifndef PROTOCOL_ERRORS_H
#define PROTOCOL_ERRORS_H

#include "json/json.h"
#include "protocol/error.h"

enum {
    ERROR_ANY_STATUS = 1, /* takes the status from the object, if it is one */
    ERROR_OF_SERVICE = 2  /* raised by a service, and read again like an unknown one */
};

struct error_kind {
    const char *code;
    int status;
    unsigned flags;
    const char *href; /* NULL: none */
};

/* NULL if the code is unknown. */
const struct error_kind *error_kind(struct slice code);
/* All of them, in alphabetical order. */
const struct error_kind *error_kinds(size_t *n);

/* Appends the object as Ditto would print it and gives the status that it has then. 0, or -1 with json.format.invalid or
 * json.field.missing (400) in *err and something of it in dst. */
int error_put_object(struct buf *dst, struct json object, int *status, struct ditto_error *err);
/* The number of a status as JSON has it: 100..599, 0 for anything else. */
int status_of(struct json v);

#endif
