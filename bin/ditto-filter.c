/* ditto-filter: pass the Ditto Protocol messages that a target topic asks for.
 *
 *   ditto-filter 'TOPIC[?namespaces=…&filter=RQL&extraFields=…]'
 *   ditto-filter -T RQL
 *
 * stdin:  lines; Ditto Protocol messages are judged, all others pass.
 * stdout: the same in the same order, byte for byte, without the messages that do not match. In the place of one that has an id
 *         stands its settlement, {"id":…,"status":200,"weak":true}: nobody wants it, which is no failure.
 * -T:     each line is a thing; those that match pass, the others are left out.
 *
 * The filter is parsed once. A line that is no JSON object is settled with 400, if its id can be read, and logged. */
#include <stdlib.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/opt.h"
#include "protocol/filter.h"

#include "base/banned.h"

enum { SHOWN = 1000 }; /* bytes of a filter in a log */

static bool of_things, check_only;
static int ready_fd = -1;

static const struct opt opts[] = {
    {'T', NULL, "the filter is RQL, the lines are things", OPT_FLAG, &of_things, 0, 0},
    {'d', "FD", "write a newline there when ready to read", OPT_FD, &ready_fd, 0, 0},
    {'n', NULL, "check the filter and end", OPT_FLAG, &check_only, 0, 0},
    OPT_END,
};

static const struct program program = {.name = "ditto-filter",
                                       .operands = "TOPIC|RQL",
                                       .summary =
                                           "pass the Ditto Protocol messages that a target topic asks for",
                                       .opts = opts};

struct app {
    struct filter filter;
    struct rql_query query; /* of -T */
    struct filter_scratch scratch;
    unsigned long long passed, dropped, refused;
};

static void pass(struct app *a, struct slice line, struct buf *out)
{
    a->passed++;
    buf_put_slice(out, line);
    buf_putc(out, '\n');
}

/* --- lines that cannot be judged ---------------------------------------------------------------------------------- */

static void find_id(void *arg, const struct json_member *m)
{
    struct json *id = arg;
    if (json_key_is(m->key, S("id")))
        *id = m->value;
}

static void refuse(struct app *a, struct slice head, int status, const char *why, struct buf *out)
{
    struct json id = {JSON_ABSENT, NULL, 0};
    struct ditto_error err = {0};
    a->refused++;
    warn("cannot read a line: %s", why);
    (void)json_each_member(head, find_id, &id, NULL); /* of the members that stand before the fault */
    (void)ditto_fail(&err, status, line_error_code(status), NULL, NULL, "The line is not valid: %s.", why);
    if (line_id(id).p)
        ditto_error_settle(out, line_id(id), &err);
}

static void refuse_json(struct app *a, struct slice line, struct buf *out)
{
    struct line l;
    struct json_error why = {0, "it is no object"};
    (void)line_read(line, &l, &why);
    refuse(a, line, 400, why.reason, out);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static void drop(struct app *a, const struct line *l, struct buf *out)
{
    a->dropped++;
    if (!l->id.p)
        return;
    buf_puts(out, "{\"id\":\"");
    buf_put_slice(out, l->id);
    buf_puts(out, "\",\"status\":200,\"weak\":true}\n");
}

static void take_message(struct app *a, struct slice line, struct buf *out)
{
    struct line l;
    if (line_skim(line, &l) < 0)
        refuse_json(a, line, out);
    else if (l.kind != LINE_DITTO || filter_matches(&a->filter, &l, &a->scratch))
        pass(a, line, out);
    else
        drop(a, &l, out);
}

static void take_thing(struct app *a, struct slice line, struct buf *out)
{
    struct rql_view view = {0};
    struct json_error why;
    if (json_parse(line, &view.base, &why) < 0)
        refuse(a, line, 400, why.reason, out);
    else if (view.base.type != JSON_OBJECT)
        refuse(a, line, 400, "it is no object", out);
    else if (rql_eval(&a->query, &view, &a->scratch.rql) == RQL_YES)
        pass(a, line, out);
    else
        a->dropped++;
}

static void on_line(void *arg, enum lines_status st, struct slice line, struct buf *out)
{
    if (st == LINES_LONG)
        refuse(arg, line, 413, "it is longer than 32 MiB", out);
    else if (of_things)
        take_thing(arg, line, out);
    else
        take_message(arg, line, out);
}

/* --- main --------------------------------------------------------------------------------------------------------- */

static void compile(struct app *a, struct slice text)
{
    struct ditto_error err = {0};
    int r =
        of_things ? rql_compile(&a->query, text, RQL_OF_THING, &err) : filter_compile(&a->filter, text, &err);
    if (r < 0)
        die(EXIT_PERMANENT, "cannot use '%.*s%s': %s: %s%s%s", (int)(text.len < SHOWN ? text.len : SHOWN),
            text.p, text.len > SHOWN ? "..." : "", err.code, err.message, *err.description ? " " : "",
            err.description);
}

static void end(struct app *a)
{
    if (of_things)
        rql_query_free(&a->query);
    else
        filter_free(&a->filter);
    filter_scratch_free(&a->scratch);
}

int main(int argc, char **argv)
{
    struct app a = {0};
    io_init();
    int first = opt_parse(&program, argc, argv);
    if (argc - first != 1)
        opt_usage(&program, "one filter is needed");
    compile(&a, slice_str(argv[first]));
    io_ready(ready_fd);
    int code = check_only ? EXIT_DONE : filter_run(0, 1, on_line, &a);
    info("passed %llu, left out %llu, refused %llu", a.passed, a.dropped, a.refused);
    end(&a);
    if (io_close_stdout() < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    return code;
}
