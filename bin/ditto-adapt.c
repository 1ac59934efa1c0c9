/* ditto-adapt: Ditto Protocol messages to signals, and back.
 *
 *   ditto-adapt -s   Ditto Protocol → signals
 *   ditto-adapt -p   signals → Ditto Protocol
 *   ditto-adapt -l   list the signals with their topics and paths
 *
 * stdin:  lines; those of the kind that it adapts are consumed, all others pass, in order.
 * stdout: one answer a line: what it became, or a Ditto Protocol error message, and behind that the settlement of a line
 *         that had an id.
 *
 * Nothing is stored and nothing waits: what is read is answered before more is read. */
#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/opt.h"
#include "protocol/adapter.h"
#include "protocol/table.h"

#include "base/banned.h"

static bool to_signals, to_protocol, list;

static const struct opt opts[] = {
    {'s', NULL, "Ditto Protocol messages to signals", OPT_FLAG, &to_signals, 0, 0},
    {'p', NULL, "signals to Ditto Protocol messages", OPT_FLAG, &to_protocol, 0, 0},
    {'l', NULL, "list the signals with topic and path, and end", OPT_FLAG, &list, 0, 0},
    OPT_END,
};

static const struct program program = {.name = "ditto-adapt",
                                       .operands = "",
                                       .summary = "adapt Ditto Protocol messages to signals, and back",
                                       .opts = opts};

struct app {
    struct adapter *adapter;
    unsigned long long n[ADAPT_REFUSED + 1]; /* lines, by their result */
};

static void on_line(void *arg, enum lines_status st, struct slice line, struct buf *out)
{
    struct app *a = arg;
    enum adapter_result r = ADAPT_REFUSED;
    if (st == LINES_LINE)
        r = adapter_take(a->adapter, line, out);
    else
        adapter_refuse_long(a->adapter, line, out);
    a->n[r]++;
}

/* A signal a line: type, topic, path, separated by tabs. */
static int put_list(void)
{
    struct buf out = {0};
    size_t n;
    const struct signal_row *rows = table_rows(&n);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].form == FORM_UNSUPPORTED)
            continue;
        buf_puts(&out, rows[i].type);
        buf_putc(&out, '\t');
        table_put_topic(&out, &rows[i]);
        buf_putc(&out, '\t');
        buf_puts(&out, table_path_text(&rows[i]));
        buf_putc(&out, '\n');
    }
    int r = io_write_all(1, buf_p(&out), out.len);
    buf_free(&out);
    if (r == 0)
        return EXIT_DONE;
    error_sys("cannot write 'stdout'");
    return EXIT_TEMPORARY;
}

static int adapt(void)
{
    struct app a = {.adapter = adapter_new(to_signals ? ADAPT_TO_SIGNAL : ADAPT_TO_PROTOCOL)};
    int code = filter_run(0, 1, on_line, &a);
    info("adapted %llu, refused %llu, passed %llu", a.n[ADAPTED], a.n[ADAPT_REFUSED], a.n[ADAPT_PASSED]);
    adapter_free(a.adapter);
    return code;
}

int main(int argc, char **argv)
{
    io_init();
    int at = opt_parse(&program, argc, argv);
    if (at < argc)
        opt_usage(&program, "there are no operands");
    if (to_signals + to_protocol + list != 1)
        opt_usage(&program, "one of -s, -p and -l is needed");
    int code = list ? put_list() : adapt();
    if (io_close_stdout() < 0 && code == 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    return code;
}
