/* tags.h: entity tags, and the conditions that a command may depend on.
 *
 *   "rev:7"            a thing or policy, by its revision
 *   "hash:1f0c…"       a part of it, by its JSON
 *
 * if-match compares strongly (a weak tag never matches), if-none-match weakly; "*" is whatever is there (RFC 7232). A query
 * or deletion of what is not there is answered with that, not with a failed precondition. Source: Ditto's documentation,
 * "Conditional requests". */
#ifndef TWIN_TAGS_H
#define TWIN_TAGS_H

#include "twin/command.h"

/* Appends the tag of what stands at the place of the entity; nothing if there is nothing. */
void tag_put(struct buf *dst, const struct state *entity, struct slice place, struct json part);
/* Do the tags that the command names allow it? tag: of what is there now, empty for nothing. 0, or -1 with
 * things:precondition.failed (412) or things:precondition.notmodified (304; of policies likewise) in *err. */
int tags_check(const struct command *c, struct slice tag, struct ditto_error *err);
/* The header condition. 0, or -1 with things:condition.failed (412), things:condition.invalid (400). */
int condition_check(const struct command *c, const struct entity *e, struct ditto_error *err);
/* Does the thing match an RQL expression? 1, 0, or -1 if it is none. */
int condition_holds(struct slice rql, const struct entity *e, struct ditto_error *err);
/* Appends a thing as conditions and field selections see it: with _namespace, _revision, _created, _modified, _metadata. */
void tags_put_full(struct buf *dst, const struct entity *e);

#endif
