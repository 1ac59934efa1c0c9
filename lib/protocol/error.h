/* error.h: errors as Ditto gives them (code, status, message, description), with the JSON pointer of the fault.
 *
 * Source: reference of codes in Ditto's documentation, "Errors"; error codes are wire facts. Texts live in the struct,
 * cut at its size: an error never allocates. */
#ifndef PROTOCOL_ERROR_H
#define PROTOCOL_ERROR_H

#include "base/buf.h"

struct ditto_error {
    int status;    /* HTTP-like; 0: no error */
    char code[80]; /* "connectivity:connection.configuration.invalid" */
    char message[320];
    char description[512]; /* "" for none */
    char pointer[256];     /* JSON pointer of the fault, "" for the whole document or unknown */
};

/* Fills e; returns -1 so that a checker can `return ditto_fail(…)`. description and pointer may be NULL. message is
 * printf-like. The first error stays: a filled e is not overwritten. */
int ditto_fail(struct ditto_error *e, int status, const char *code, const char *description,
               const char *pointer, const char *message, ...) __attribute__((format(printf, 6, 7)));
/* Appends {"status":…,"error":…,"message":…[,"description":…][,"pointer":…]}. */
void ditto_error_put(struct buf *dst, const struct ditto_error *e, bool with_pointer);
/* Appends a settlement line carrying the error. */
void ditto_error_settle(struct buf *dst, struct slice id, const struct ditto_error *e);

#endif
