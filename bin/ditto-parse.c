/* ditto-parse: show what the small languages of Ditto make of a text.
 *
 *   ditto-parse KIND
 *   ditto-parse KIND TEXT…
 *   ditto-parse -l
 *
 * stdin:  lines, each a JSON string; with TEXT… nothing is read.
 * stdout: for each, in order, one line: {"valid":true, its parts} or {"valid":false,"status","error","message","description"}.
 *         What is no JSON string, a blank line, too, is answered json.invalid.
 *
 * The exit code tells whether all were valid (0) only for TEXT…: lines are data, and it is no failure that they are answered. */
#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/opt.h"
#include "json/json.h"
#include "protocol/grammar.h"

#include "base/banned.h"

static bool list;

static const struct opt opts[] = {
    {'l', NULL, "list the kinds and end", OPT_FLAG, &list, 0, 0},
    OPT_END,
};

static const struct program program = {.name = "ditto-parse",
                                       .operands = "KIND [TEXT...]",
                                       .summary = "show what the small languages of Ditto make of a text",
                                       .opts = opts};

struct app {
    const struct grammar *grammar;
    struct buf text; /* of a string with escapes */
};

static void put_unreadable(struct buf *out, const char *why)
{
    buf_puts(out, "{\"valid\":false,\"status\":400,\"error\":\"json.invalid\",\"message\":");
    json_put_text(out, S("The line is no JSON string."));
    buf_puts(out, ",\"description\":");
    json_put_text(out, slice_str(why));
    buf_puts(out, "}\n");
}

static void on_line(void *arg, enum lines_status st, struct slice line, struct buf *out)
{
    struct app *a = arg;
    struct json v;
    struct json_error why;
    if (st == LINES_LONG) {
        put_unreadable(out, "It is longer than 32 MiB.");
    } else if (json_parse(line, &v, &why) < 0) {
        put_unreadable(out, why.reason);
    } else if (v.type != JSON_STRING) {
        put_unreadable(out, "It is another JSON value.");
    } else {
        buf_reset(&a->text, 64 * 1024);
        grammar_put(out, a->grammar, json_text(v, &a->text));
        buf_putc(out, '\n');
    }
}

static int parse_operands(const struct grammar *g, char **texts)
{
    struct buf out = {0};
    int code = EXIT_DONE;
    for (; *texts; texts++) {
        size_t start = out.len;
        grammar_put(&out, g, slice_str(*texts));
        if (!slice_starts(slice_skip(buf_slice(&out), start), S("{\"valid\":true")))
            code = EXIT_NEGATIVE;
        buf_putc(&out, '\n');
    }
    if (lines_flush(1, &out) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    buf_free(&out);
    return code;
}

static int list_kinds(void)
{
    struct buf out = {0};
    for (const struct grammar *g = grammars; g->name; g++)
        buf_printf(&out, "%-16s %s\n", g->name, g->what);
    if (lines_flush(1, &out) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    buf_free(&out);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct app a = {0};
    int code;
    io_init();
    int first = opt_parse(&program, argc, argv);
    if (list) {
        code = list_kinds();
    } else {
        a.grammar = first < argc ? grammar_of(slice_str(argv[first])) : NULL;
        if (!a.grammar)
            opt_usage(&program, first < argc ? "there is no such kind: see -l" : "a kind is needed");
        code = argv[first + 1] ? parse_operands(a.grammar, argv + first + 1) : filter_run(0, 1, on_line, &a);
    }
    buf_free(&a.text);
    if (io_close_stdout() < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    return code;
}
