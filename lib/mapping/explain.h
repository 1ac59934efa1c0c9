/* explain.h: a message mapped step by step, so that a person can see why it went where it went (not for other directories).
 *
 * Steps are lines of JSON. They are noted while a message is mapped, and put out before the lines that come of it, which are
 * steps then, too:
 *
 *   {"step":"message","source"|"target"|"reply":N,"mappers":[…],"input":{…}}  what each of these mappers gets
 *   {"step":"part","part":N,"mapper":…}  what follows is of this one of several that came of it
 *   {"step":"template","of":…,"name":…,"template":…,"values":[…]}  or "unresolved":true, "deleted":true, "error":{…}
 *   {"step":"mapper","mapper":…,"engine":…,"output":[…]}           or "skipped":"content-type"|"conditions", "error":{…}
 *   {"step":"dropped"}, {"step":"refused","error":{…}}
 *   {"step":"output","line":{…}}
 *
 * Templates are resolved once more to be shown: nothing that borrows the flow's scratch may be alive. Each of these does
 * nothing unless the flow explains. */
#ifndef MAPPING_EXPLAIN_H
#define MAPPING_EXPLAIN_H

#include "mapping/flow.h"

/* Which of the routes (index_of: its name in a context) and what its mappers get. */
void explain_message(struct mapping *m, struct slice index_of, size_t index,
                     const struct mapper *const *mappers, size_t n);
/* What a mapper made of it: the flow's incoming or outgoing. err: status 0 if it did. */
void explain_mapper(struct mapping *m, const struct mapper *mapper, const struct facts *facts, enum turn turn,
                    const struct ditto_error *err);
void explain_part(struct flow *f, size_t i);
void explain_template(struct flow *f, const char *of, struct slice name, const struct template *t,
                      const struct facts *facts);
void explain_templates(struct flow *f, const char *of, const struct template *t, size_t n,
                       const struct facts *facts);
void explain_headers(struct flow *f, const struct header_mapping *headers, const struct facts *facts);
void explain_dropped(struct flow *f);
void explain_refused(struct flow *f, const struct ditto_error *err);
/* What stands in out from start on comes out as steps, after those that were noted. */
void explain_output(struct flow *f, struct buf *out, size_t start);

#endif
