/* compare.h: how two connections, from files or the store, differ. */
#ifndef CTL_COMPARE_H
#define CTL_COMPARE_H

#include "ctl/ctl.h"

/* Operands are paths or ids (document_is_path). Prints a line "POINTER: OLD → NEW" for each
 * difference (diff.h). EXIT_DONE if there is none, EXIT_NEGATIVE if there is, or if one of the two is no valid connection or
 * does not exist, which is printed then. */
int compare_operands(struct ctl *ctl, const char *a, const char *b);

#endif
