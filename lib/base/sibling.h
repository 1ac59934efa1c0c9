/* sibling.h: running other programs of the suite. */
#ifndef BASE_SIBLING_H
#define BASE_SIBLING_H

#include <stdnoreturn.h>

/* Becomes the program argv[0]: one without '/' is looked for beside this program, wherever the suite is installed, then in
 * PATH. What cannot be run is logged, and the process ends with 127 (it is not there) or 126. For a child after fork. */
noreturn void exec_sibling(const char *const *argv);

#endif
