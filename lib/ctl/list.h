/* list.h: printing all connections. */
#ifndef CTL_LIST_H
#define CTL_LIST_H

#include "ctl/ctl.h"

/* Ids, one a line, in order; with a tag (not NULL) of those that have it. An exit code. */
int list_ids(struct ctl *ctl, const char *tag);
/* The same, as objects of id, name, connectionType, connectionStatus and tags. */
int list_details(struct ctl *ctl, const char *tag);

#endif
