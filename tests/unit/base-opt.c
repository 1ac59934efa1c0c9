/* base-opt: option tables and log lines, as a child process prints them. */
#include "base/opt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "child.h"
#include "tap.h"

static const char *path;
static unsigned long number;
static bool check;
static unsigned count;
static int fd = -1;
static struct opt_list list;

static const struct opt options[] = {
    {'c', "PATH", "connection JSON (a file, or fd:N)", OPT_STRING, &path, 0, 0},
    {'k', "N", "only this one", OPT_NUMBER, &number, 1, 10},
    {'n', NULL, "check only", OPT_FLAG, &check, 0, 0},
    {'x', NULL, "one more", OPT_COUNT, &count, 0, 0},
    {'d', "FD", "readiness", OPT_FD, &fd, 0, 0},
    {'l', "ITEM", "one of several", OPT_LIST, &list, 0, 0},
    OPT_END,
};
static const struct program prog = {"try", "CMD...", "tries options", "libtry 1.2", options};
static const struct program plain = {"plain", "", NULL, NULL, options + 6};

#define USAGE "usage: try [-nxqvhV] [-c PATH] [-k N] [-d FD] [-l ITEM] CMD...\n"

static struct buf out, err;

static int words(char **argv)
{
    int n = 0;
    while (argv[n])
        n++;
    return n;
}

static void parse(void *argv)
{
    exit(200 +
         opt_parse(&prog, words(argv), argv)); /* the index of the first operand, beyond all real codes */
}

#define RUN(...) child_run(parse, (char *[]){"try", __VA_ARGS__, NULL}, &out, &err)
#define HERE(...)                                                                                            \
    opt_parse(&prog, words((char *[]){"try", __VA_ARGS__, NULL}), (char *[]){"try", __VA_ARGS__, NULL})

static void test_values(void)
{
    is_int(HERE("-c", "a", "-k2", "-n", "x"), 5, "options end at the first operand");
    is_slice(slice_str(path), S("a"), "a string");
    ok(number == 2 && check, "a number in the same word, a flag");
    is_int(HERE("-xxk", "10", "-xcfile"), 4, "clusters");
    ok(count == 3 && number == 10 && strcmp(path, "file") == 0, "set everything in them");
    is_int(HERE("-l", "a", "-lb", "--", "-l"), 5, "two dashes end the options");
    ok(list.n == 2 && strcmp(list.v[1], "b") == 0, "a list keeps all");
    is_int(HERE("-", "-n"), 1, "a lone dash is an operand");
    is_int(HERE("-c", "-n"), 3, "an argument may look like an option");
    is_int(HERE("-d1"), 2, "an open descriptor");
    is_int(fd, 1, "is taken");
    is_int(opt_parse(&prog, 1, (char *[]){"try", NULL}), 1, "no arguments at all");
}

static void test_wrong(void)
{
    is_int(RUN("-z"), 100, "an unknown option is wrong usage");
    is_slice(buf_slice(&err), S("try: error: unknown option '-z'\n" USAGE),
             "and is named, with the synopsis");
    is_int((long long)out.len, 0, "nothing on stdout");
    is_int(RUN("-c"), 100, "a missing argument");
    is_slice(buf_slice(&err), S("try: error: option '-c' needs PATH\n" USAGE), "is asked for");
    static const char *bad[] = {"", "x", "2x", "-2", "0", "11", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        is_int(RUN("-k", (char *)bad[i]), 100, "-k '%s' is refused", bad[i]);
    is_slice(buf_slice(&err), S("try: error: cannot read '-k 99999999999999999999': not a number\n" USAGE),
             "why");
    is_int(RUN("-d", "777"), 100, "a descriptor that is not open");
    is_int(RUN("--help"), 100, "there are no long options");
    char *many[2 + 17] = {"try"};
    for (int i = 1; i <= 17; i++)
        many[i] = "-lx";
    is_int(child_run(parse, many, &out, &err), 100, "a list has its limit");
}

static void test_help(void)
{
    is_int(RUN("-h"), 0, "-h is no error");
    is_slice(buf_slice(&out),
             S(USAGE "tries options\n"
                     "\n"
                     "  -c PATH   connection JSON (a file, or fd:N)\n"
                     "  -k N      only this one\n"
                     "  -n        check only\n"
                     "  -x        one more\n"
                     "  -d FD     readiness\n"
                     "  -l ITEM   one of several\n"
                     "  -q        log errors only\n"
                     "  -v        log more; -vv: a line per message\n"
                     "  -h        print this help\n"
                     "  -V        print the version\n"),
             "and shows the table");
    is_int(RUN("-V"), 0, "-V is no error");
    is_slice(buf_slice(&out), S("try 0.1 (libtry 1.2)\n"), "and shows the versions");
    is_int((long long)err.len, 0, "stderr is silent");
}

static void no_options(void *arg)
{
    (void)arg;
    opt_usage(&plain, NULL);
}

static void full(void *arg)
{
    dup2(open("/dev/full", O_WRONLY), 1);
    parse(arg);
}

static void test_plain(void)
{
    is_int(child_run(no_options, NULL, &out, &err), 100, "usage without a reason");
    is_slice(buf_slice(&err), S("usage: plain [-qvhV]\n"), "is the synopsis alone");
    is_int(child_run(full, (char *[]){"try", "-h", NULL}, &out, &err), 111,
           "help that cannot be printed fails");
    is_slice(buf_slice(&err), S("try: error: cannot write 'stdout': No space left on device\n"),
             "and says so");
}

static void all_levels(void *argv)
{
    opt_parse(&prog, words(argv), argv);
    error("e");
    warn("w");
    notice("n");
    info("i");
    trace("t");
}

static void test_levels(void)
{
    child_run(all_levels, (char *[]){"try", NULL}, &out, &err);
    is_slice(buf_slice(&err), S("try: error: e\ntry: warning: w\ntry: info: n\n"), "the usual level");
    child_run(all_levels, (char *[]){"try", "-q", NULL}, &out, &err);
    is_slice(buf_slice(&err), S("try: error: e\ntry: info: n\n"), "-q");
    child_run(all_levels, (char *[]){"try", "-v", NULL}, &out, &err);
    is_slice(buf_slice(&err), S("try: error: e\ntry: warning: w\ntry: info: n\ntry: info: i\n"), "-v");
    child_run(all_levels, (char *[]){"try", "-vv", NULL}, &out, &err);
    ok(slice_ends(buf_slice(&err), S("try: info: i\ntry: debug: t\n")), "-vv");
}

static void log_lines(void *arg)
{
    (void)arg;
    log_init("a", "b:0");
    errno = ENOENT;
    warn_sys("cannot open '%s'", "x\ny\x1b\x7f");
    error_sys("again");
    error("\xc3\xa4");
    die_sys(EXIT_TEMPORARY, "last");
}

static void log_long(void *arg)
{
    (void)arg;
    log_init("a", NULL);
    error("%09999d", 1);
    error("%s", "\1");
    bug("b");
}

static void test_lines(void)
{
    is_int(child_run(log_lines, NULL, &out, &err), 111, "die_sys ends with its code");
    is_slice(buf_slice(&err),
             S("a b:0: warning: cannot open 'x\\x0ay\\x1b\\x7f': No such file or directory\n"
               "a b:0: error: again: No such file or directory\n"
               "a b:0: error: \xc3\xa4\n"
               "a b:0: error: last: No such file or directory\n"),
             "control bytes are escaped, errno stays");
    is_int(child_run(log_long, NULL, &out, &err), 101, "a bug has its own code");
    struct slice rest = buf_slice(&err), first = slice_cut(&rest, '\n');
    ok(first.len > 4000 && first.len < 4096, "a message is cut to one block");
    is_slice(rest, S("a: error: \\x01\na: error: bug: b\n"), "and the next one is whole");
}

int main(void)
{
    test_values();
    test_wrong();
    test_help();
    test_plain();
    test_levels();
    test_lines();
    buf_free(&out);
    buf_free(&err);
    return done();
}
