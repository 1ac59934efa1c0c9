#include "line/report.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/scan.h"
#include "json/json.h"

#include "base/banned.h"

static int report_fd = -1;
static const char *from = "";

void report_init(const char *program)
{
    uint64_t fd;
    const char *text = getenv("CONN_REPORT_FD");
    from = program;
    if (!text)
        return;
    if (scan_u64(slice_str(text), &fd) == 0 && fd > 2 && fd < 1024 && io_cloexec((int)fd, true) == 0)
        report_fd = (int)fd;
    else
        warn("cannot report on '%s' ($CONN_REPORT_FD): not an open descriptor", text);
    unsetenv("CONN_REPORT_FD");
}

bool report_wanted(void)
{
    return report_fd >= 0;
}

static void begin_report(struct buf *b, const char *kind)
{
    buf_putc(b, '{');
    json_put_member_text(b, S("report"), slice_str(kind));
    json_put_member_text(b, S("from"), slice_str(from));
}

static void send_report(struct buf *b)
{
    buf_puts(b, "}\n");
    /* a report that finds no room is lost: the next one carries the same totals */
    if (b->len <= REPORT_MAX && io_write_some(report_fd, buf_p(b), b->len) < 0)
        report_fd = -1;
    buf_free(b);
}

void report_state(const char *state, const char *detail)
{
    struct buf b = {0};
    if (report_fd < 0)
        return;
    begin_report(&b, "state");
    json_put_member_text(&b, S("state"), slice_str(state));
    if (detail)
        json_put_member_text(&b, S("detail"), slice_str(detail));
    send_report(&b);
}

void report_counters(const struct counter *c, size_t n)
{
    struct buf b = {0};
    if (report_fd < 0)
        return;
    begin_report(&b, "counters");
    for (size_t i = 0; i < n; i++)
        json_put_member_int(&b, slice_str(c[i].name), (int64_t)c[i].n);
    send_report(&b);
}

void counters_print(const struct counter *c, size_t n)
{
    struct buf b = {0};
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s%s=%llu", i ? " " : "", c[i].name, (unsigned long long)c[i].n);
    notice("%s", buf_z(&b));
    buf_free(&b);
}
