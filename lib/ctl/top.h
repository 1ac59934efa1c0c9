/* top.h: all connections at a glance: state, messages a second, backlog, last error; those in trouble first. */
#ifndef CTL_TOP_H
#define CTL_TOP_H

#include "ctl/ctl.h"

struct top {
    unsigned long interval_s;
    unsigned long screens; /* 0: until q or ^C on a terminal, else one */
};

/* On a terminal a screen that is drawn anew every interval_s, as large as the terminal; else plain text of 80 columns,
 * with a blank line between screens. The first screen's rates are those of the last minute, later ones those since the one
 * before. Returns an exit code: 1 if there is no supervisor to ask. */
int top_run(struct ctl *ctl, const struct top *options);

#endif
