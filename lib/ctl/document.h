/* document.h: connection documents from files and folders.
 *
 * A file holds one connection as JSON, or one a line; "-" is stdin; of a folder its files *.json are read, in the order of
 * their names. What cannot be read is 111, logged. Ownership: the list owns its texts, and wipes them: they hold secrets. */
#ifndef CTL_DOCUMENT_H
#define CTL_DOCUMENT_H

#include "ctl/ctl.h"

struct document {
    char *path;
    unsigned line; /* 0: it is the whole file */
    struct buf text;
};
struct documents {
    size_t n;
    struct document *v;
};

/* Is an operand a path, not an id? Ids have neither '.' nor '/', and a file that exists is meant. */
bool document_is_path(const char *operand);
/* The text of a file; exits with 111 if it cannot be read. */
void document_read(const char *path, struct buf *text);
/* The same, parsed: *v lies in text. EXIT_DONE, or EXIT_NEGATIVE with the error printed if it is no JSON. */
int document_parse(struct ctl *ctl, const char *path, struct buf *text, struct json *v);
void documents_add(struct documents *d, const char *path);
void documents_free(struct documents *d);

#endif
