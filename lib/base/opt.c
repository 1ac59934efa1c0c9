#include "base/opt.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "base/log.h"
#include "base/scan.h"
#include "base/version.h"

#include "base/banned.h"

enum { REASON_SIZE = 256, COLUMN_LEAST = 8 };

static const struct opt common[] = {
    {'q', NULL, "log errors only", OPT_FLAG, NULL, 0, 0},
    {'v', NULL, "log more; -vv: a line per message", OPT_FLAG, NULL, 0, 0},
    {'h', NULL, "print this help", OPT_FLAG, NULL, 0, 0},
    {'V', NULL, "print the version", OPT_FLAG, NULL, 0, 0},
    OPT_END,
};

static const struct opt *find(const struct opt *o, char letter)
{
    for (; o->letter; o++)
        if (o->letter == letter)
            return o;
    return NULL;
}

static bool takes_argument(const struct opt *o)
{
    return o->kind != OPT_FLAG && o->kind != OPT_COUNT;
}

static void put_letters(struct buf *b, const struct opt *o)
{
    for (; o->letter; o++)
        if (!takes_argument(o))
            buf_putc(b, o->letter);
}

static void put_synopsis(struct buf *b, const struct program *prog)
{
    buf_printf(b, "usage: %s [-", prog->name);
    put_letters(b, prog->opts);
    put_letters(b, common);
    buf_puts(b, "]");
    for (const struct opt *o = prog->opts; o->letter; o++)
        if (takes_argument(o))
            buf_printf(b, " [-%c %s]", o->letter, o->arg);
    if (prog->operands && *prog->operands)
        buf_printf(b, " %s", prog->operands);
    buf_putc(b, '\n');
}

static int column(const struct opt *o)
{
    size_t widest = COLUMN_LEAST;
    for (; o->letter; o++)
        if (takes_argument(o) && strlen(o->arg) + 3 > widest)
            widest = strlen(o->arg) + 3;
    return (int)widest;
}

static void put_options(struct buf *b, const struct opt *o, int width)
{
    for (; o->letter; o++) {
        const char *arg = takes_argument(o) ? o->arg : "";
        buf_printf(b, "  -%c %-*s  %s\n", o->letter, width - 3, arg, o->help);
    }
}

_Noreturn static void print_and_exit(struct buf *text)
{
    if (io_write_all(1, buf_p(text), text->len) < 0 || io_close_stdout() < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    exit(EXIT_DONE);
}

_Noreturn static void help(const struct program *prog)
{
    struct buf b = {0};
    put_synopsis(&b, prog);
    if (prog->summary)
        buf_printf(&b, "%s\n", prog->summary);
    buf_putc(&b, '\n');
    put_options(&b, prog->opts, column(prog->opts));
    put_options(&b, common, column(prog->opts));
    print_and_exit(&b);
}

_Noreturn static void version(const struct program *prog)
{
    struct buf b = {0};
    buf_printf(&b, "%s %s", prog->name, CONN_VERSION);
    if (prog->libraries)
        buf_printf(&b, " (%s)", prog->libraries);
    buf_putc(&b, '\n');
    print_and_exit(&b);
}

void opt_usage(const struct program *prog, const char *reason)
{
    struct buf b = {0};
    if (reason)
        error("%s", reason);
    put_synopsis(&b, prog);
    (void)io_write_all(2, buf_p(&b), b.len);
    exit(EXIT_PERMANENT);
}

__attribute__((format(printf, 2, 3))) _Noreturn static void wrong(const struct program *prog, const char *fmt,
                                                                  ...)
{
    char reason[REASON_SIZE];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    opt_usage(prog, reason);
}

static void put_number(const struct program *prog, const struct opt *o, const char *value)
{
    uint64_t n, max = o->max ? o->max : (unsigned long)-1;
    if (scan_u64(slice_str(value), &n) < 0)
        wrong(prog, "cannot read '-%c %s': not a number", o->letter, value);
    if (n < o->min || n > max)
        wrong(prog, "cannot read '-%c %s': not in %lu..%lu", o->letter, value, o->min, (unsigned long)max);
    *(unsigned long *)o->to = (unsigned long)n;
}

static void put_fd(const struct program *prog, const struct opt *o, const char *value)
{
    uint64_t n;
    if (scan_u64(slice_str(value), &n) < 0 || n > INT32_MAX || fcntl((int)n, F_GETFD) < 0)
        wrong(prog, "cannot read '-%c %s': not an open descriptor", o->letter, value);
    *(int *)o->to = (int)n;
}

static void put_list(const struct program *prog, const struct opt *o, const char *value)
{
    struct opt_list *list = o->to;
    if (list->n == sizeof list->v / sizeof *list->v)
        wrong(prog, "cannot read '-%c %s': at most %zu of them", o->letter, value, list->n);
    list->v[list->n++] = value;
}

static void set(const struct program *prog, const struct opt *o, const char *value)
{
    switch (o->kind) {
    case OPT_FLAG: *(bool *)o->to = true; break;
    case OPT_COUNT: ++*(unsigned *)o->to; break;
    case OPT_STRING: *(const char **)o->to = value; break;
    case OPT_NUMBER: put_number(prog, o, value); break;
    case OPT_FD: put_fd(prog, o, value); break;
    case OPT_LIST: put_list(prog, o, value); break;
    }
}

static void set_common(const struct program *prog, char letter)
{
    switch (letter) {
    case 'q': log_set_level(LOG_QUIET); break;
    case 'v': log_set_level(log_at(LOG_VERBOSE) ? LOG_TRACE : LOG_VERBOSE); break;
    case 'h': help(prog);
    case 'V': version(prog);
    default: wrong(prog, "unknown option '-%c'", letter);
    }
}

/* All letters of argv[i]; the index after it and after the value it took. */
static int cluster(const struct program *prog, char **argv, int i)
{
    for (const char *p = argv[i] + 1; *p; p++) {
        const struct opt *o = find(prog->opts, *p);
        if (!o) {
            set_common(prog, *p);
        } else if (!takes_argument(o)) {
            set(prog, o, NULL);
        } else {
            const char *value = p[1] ? p + 1 : argv[++i];
            if (!value)
                wrong(prog, "option '-%c' needs %s", o->letter, o->arg);
            set(prog, o, value);
            break;
        }
    }
    return i + 1;
}

int opt_parse(const struct program *prog, int argc, char **argv)
{
    int i = 1;
    log_init(prog->name, NULL);
    while (i < argc && argv[i][0] == '-' && argv[i][1]) {
        if (strcmp(argv[i], "--") == 0)
            return i + 1;
        i = cluster(prog, argv, i);
    }
    return i < argc ? i : argc;
}
