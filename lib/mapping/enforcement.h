/* enforcement.h: a source may only speak for the entities that its input names.
 *
 * The input ("{{ header:device_id }}") is resolved from the message as it came, the filters ("{{ thing:id }}") from the
 * entity that the mapped message is about; one filter that gives the input's text lets it pass. Each filter is tried with
 * one kind of entity at a time: thing, policy, any. Source: mapping reference 4.2; Ditto's documentation, "Source
 * enforcement".
 *
 * Ownership: templates of the struct's own; text borrowed from the connection. */
#ifndef MAPPING_ENFORCEMENT_H
#define MAPPING_ENFORCEMENT_H

#include "connection/connection.h"
#include "mapping/placeholder.h"

struct enforcement {
    bool on;
    struct template input;
    size_t n_filters;
    struct template *filters;
};

/* 0, or -1 with a template's error in *err; *e is to be freed in any case. */
int enforcement_compile(struct enforcement *e, const struct source *s, struct ditto_error *err);
void enforcement_free(struct enforcement *e);
/* Resolves the input, copied into dst. 0, or -1 with placeholder:unresolved (400). */
int enforcement_input(const struct enforcement *e, const struct facts *f, struct scratch *s, struct buf *dst,
                      struct ditto_error *err);
/* May a message about this topic pass? 0, or -1 with connectivity:connection.id.enforcement.failed or (as Ditto does when
 * all that was tried is unresolved: three kinds, one filter) placeholder:unresolved. */
int enforcement_check(const struct enforcement *e, struct slice input, const struct topic *t,
                      struct scratch *s, struct ditto_error *err);

#endif
