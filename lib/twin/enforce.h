/* enforce.h: what a policy lets subjects do (option -e).
 *
 *   policy.entries.<label>.subjects.<id>   whom the entry is about
 *   policy.entries.<label>.resources."thing:/attributes" = {"grant":["READ"],"revoke":["WRITE"]}
 *
 * What is said nearest to a path counts, a revocation more than a grant there. To write, nothing below may be revoked; to read,
 * it is enough that something below is granted: then the rest is left out of what is shown. Imports are not followed.
 * Source: Ditto's documentation, "Policies". */
#ifndef TWIN_ENFORCE_H
#define TWIN_ENFORCE_H

#include "json/json.h"

enum permission { MAY_READ, MAY_WRITE };

/* What some subjects may do about one type of resource ("thing", "policy", "message"). */
struct rights {
    size_t n, cap;
    struct right {
        struct slice path; /* without outer slashes */
        bool grant[2], revoke[2];
    } * v;
};

/* policy: its JSON, JSON_ABSENT grants nothing; subjects: array of strings. It borrows the policy. */
void rights_collect(struct rights *r, struct json policy, struct json subjects, struct slice type);
void rights_free(struct rights *r);

/* All of what is at path and below; something of it. */
bool rights_all(const struct rights *r, enum permission p, struct slice path);
bool rights_some(const struct rights *r, enum permission p, struct slice path);
/* Appends what may be read of v, which stands at path. */
void rights_put_view(struct buf *dst, const struct rights *r, struct slice path, struct json v);
/* Is there an entry with subjects that may write "policy:/"? */
bool policy_has_owner(struct json policy);
/* Appends an array of the subjects of the policy that may read all at path. */
void rights_put_readers(struct buf *dst, struct json policy, struct slice type, struct slice path);

#endif
