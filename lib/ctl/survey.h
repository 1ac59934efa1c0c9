/* survey.h: how all connections are, for who watches them: conn-ctl top and conn-metrics. */
#ifndef CTL_SURVEY_H
#define CTL_SURVEY_H

#include "ctl/client.h"

/* One of them; everything is borrowed until survey goes on. The answers are signals as in Ditto: a refusal is an
 * errorResponse, without a supervisor of them all. */
struct surveyed {
    struct slice id;
    struct json status, metrics;
};

/* Asks for all of them, in order of id; those that are deleted meanwhile are left out. 0, or -1 with errno (client.h). */
int survey(struct client *c, void (*one)(void *arg, const struct surveyed *s), void *arg);
/* Did the supervisor answer? */
bool survey_answered(const struct surveyed *s);

#endif
