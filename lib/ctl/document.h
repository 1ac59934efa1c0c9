/* document.h: connection documents from files and folders.
 *
 * A file holds one connection as JSON, or one a line; "-" is stdin; of a folder its files *.json are read, in the order of
 * their names. What cannot be read is 111, logged. Ownership: the list owns its texts, and wipes them: they hold secrets. */
#ifndef CTL_DOCUMENT_H
#define CTL_DOCUMENT_H

#include "json/json.h"

struct document {
    char *path;
    unsigned line; /* 0: it is the whole file */
    struct buf text;
};
struct documents {
    size_t n;
    struct document *v;
};

/* The text of a file; exits with 111 if it cannot be read. */
void document_read(const char *path, struct buf *text);
void documents_add(struct documents *d, const char *path);
void documents_free(struct documents *d);

#endif
