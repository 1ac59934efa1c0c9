/* provision.h: what a thing brings with it or needs: its policy, conditions of a patch. */
#ifndef TWIN_PROVISION_H
#define TWIN_PROVISION_H

#include "twin/twin.h"

/* Makes the policy of a thing that is about to be made (thing: as it will be): the one that the command brings, a copy of
 * another, or one for those whom the command is done for; or checks that it is there, if policies count. Nothing for other
 * commands. 0, or -1 with things:thing.notcreatable, policies:… in *err. */
int provision_policy(struct twin *t, const struct command *c, const struct entity *e, struct json thing,
                     struct buf *out, struct ditto_error *err);
/* merge-thing-patch-conditions: appends the patch without the parts whose condition does not hold; nothing without that
 * header. 0, or -1 with things:condition.invalid (400). */
int provision_patch(const struct command *c, const struct entity *e, struct buf *dst,
                    struct ditto_error *err);

#endif
