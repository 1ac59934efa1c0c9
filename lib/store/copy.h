/* copy.h: logs in folders of their own: made of an export, or of what is left of a damaged one. */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "store/salvage.h"

/* Reads an export (export.h) from fd into the folder dir, which must hold no log. 0, or -1 with *err: dir holds no log
 * then, either. */
int copy_export(int fd, const char *dir, struct log_error *err);
/* Makes a log in the empty folder fresh of what s knows, and puts it in the place of events.gdbm of the folder dir (a
 * descriptor), which stays as events.gdbm.bak. 0, or -1 with errno: then events.gdbm is as it was. */
int copy_repaired(struct salvage *s, int dir, const char *fresh);
/* Removes a folder and the log in it. */
void copy_remove(const char *dir);

#endif
