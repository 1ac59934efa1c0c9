/* opt.h: option tables. Usage line and -h text come from the table, so they cannot drift apart.
 *
 * -h prints the long form on stdout and exits 0, -V prints the version and exits 0; both are always there,
 * as are -q and -v (log level). Wrong usage prints one synopsis line on stderr and exits 100. Numbers are
 * parsed strictly: decimal digits, in range, no trailing junk. Options come before operands; "--" ends them. */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>

enum opt_kind {
    OPT_FLAG,   /* bool *      */
    OPT_COUNT,  /* unsigned *, one more each time */
    OPT_STRING, /* const char ** */
    OPT_NUMBER, /* unsigned long *, within min..max */
    OPT_FD,     /* int *, an open descriptor number */
    OPT_LIST,   /* struct opt_list *: every occurrence is kept */
};

struct opt_list {
    size_t n;
    const char *v[16];
};

struct opt {
    char letter;
    const char *arg; /* name of the argument in usage, NULL for flags */
    const char *help;
    enum opt_kind kind;
    void *to;
    unsigned long min, max; /* OPT_NUMBER; max 0: no upper bound */
};

struct program {
    const char *name;
    const char *operands;   /* for the synopsis, e.g. "CMD..." or "" */
    const char *summary;    /* one line for -h */
    const char *libraries;  /* for -V, may be NULL; linked library versions */
    const struct opt *opts; /* ended by letter 0 */
};

/* Returns the index of the first operand. Calls log_init(name). Never returns on -h, -V, bad usage. */
int opt_parse(const struct program *prog, int argc, char **argv);
/* Prints the synopsis and exits 100; reason is logged first if not NULL. */
_Noreturn void opt_usage(const struct program *prog, const char *reason);

/* clang-format off */
#define OPT_END {0, NULL, NULL, OPT_FLAG, NULL, 0, 0}
/* clang-format on */

#endif
