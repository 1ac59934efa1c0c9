/* secrets.h: the places of a connection document that hold secrets (private to lib/connection). */
#ifndef CONNECTION_SECRETS_H
#define CONNECTION_SECRETS_H

#include "connection/problems.h"

enum secret {
    SECRET_WHOLE,  /* the value is one */
    SECRET_IN_URI, /* the password of a URI */
};

/* Appends a compact copy of the document; put appends the value for each secret that is there, duplicates included. */
typedef void put_secret(void *arg, struct buf *dst, enum secret kind, struct where at, struct json value);
void secrets_rewrite(struct buf *dst, struct json doc, put_secret *put, void *arg);

/* The text with the bytes of hole, which lies in it, replaced. */
void put_spliced(struct buf *dst, struct slice text, struct slice hole, struct slice with);

#endif
