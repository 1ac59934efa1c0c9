#include "ctl/plain.h"

#include <stdlib.h>

#include "ctl/text.h"
#include "base/banned.h"

enum { NAME_COLUMNS = 43, FIGURE_COLUMNS = 12, DETAIL_INDENT = 6 };

static void put_member(struct buf *dst, struct json object, const char *name)
{
    struct buf scratch = {0};
    struct slice text = json_text(json_get(object, slice_str(name)), &scratch);
    text_put(dst, text.p ? text : S("-"));
    buf_free(&scratch);
}

static void put_time(struct buf *dst, struct json object, const char *name)
{
    char text[32];
    struct slice iso = json_raw(json_get(object, slice_str(name)));
    text_put(dst, iso.p ? text_time(iso, text) : S("-"));
}

static void wrap_member(struct buf *dst, struct json object, const char *name, size_t indent)
{
    struct buf scratch = {0};
    struct slice text = json_text(json_get(object, slice_str(name)), &scratch);
    if (text.p)
        text_wrap(dst, text, indent);
    buf_free(&scratch);
}

/* A name that is too long for its column has lines of its own. */
static void put_name(struct buf *dst, struct slice name, size_t indent, size_t width)
{
    bool fits = text_columns(name) < width - indent;
    if (!fits)
        text_wrap(dst, name, indent);
    buf_printf(dst, "%*s", (int)indent, "");
    text_pad(dst, fits ? name : S(""), width - indent);
}

/* --- status ------------------------------------------------------------------------------------------------------- */

static void put_entry(struct buf *dst, struct json entry)
{
    struct buf name = {0}, scratch = {0};
    struct json address = json_get(entry, S("address"));
    buf_put_slice(&name, json_raw(json_get(entry, S("type"))));
    buf_putc(&name, ' ');
    buf_put_slice(&name, json_text(json_present(address) ? address : json_get(entry, S("client")), &scratch));
    put_name(dst, buf_slice(&name), 2, NAME_COLUMNS);
    struct slice status = json_raw(json_get(entry, S("status")));
    bool timed = json_present(json_get(entry, S("inStateSince")));
    text_pad(dst, status, timed ? 14 : status.len);
    if (timed)
        put_time(dst, entry, "inStateSince");
    buf_putc(dst, '\n');
    wrap_member(dst, entry, "statusDetails", DETAIL_INDENT);
    buf_free(&name);
    buf_free(&scratch);
}

static void put_entries(struct buf *dst, struct json entries)
{
    for (struct json_iter it = json_iter(entries); json_next(&it);)
        put_entry(dst, it.value);
}

static void put_status(struct buf *dst, struct json s)
{
    put_member(dst, s, "connectionId");
    buf_puts(dst, ": ");
    put_member(dst, s, "liveStatus");
    buf_puts(dst, ", should be ");
    put_member(dst, s, "connectionStatus");
    buf_puts(dst, ", recovery ");
    put_member(dst, s, "recoveryStatus");
    buf_putc(dst, '\n');
    put_entries(dst, json_get(s, S("clientStatus")));
    put_entries(dst, json_get(s, S("sourceStatus")));
    put_entries(dst, json_get(s, S("targetStatus")));
    put_entries(dst, json_get(s, S("sshTunnelStatus")));
}

/* --- metrics ------------------------------------------------------------------------------------------------------ */

static const char *const windows[] = {"PT1M", "PT1H", "PT24H"};

static void put_figure(struct buf *dst, struct json n)
{
    struct slice text = json_slice(n);
    for (size_t i = text.len; i < FIGURE_COLUMNS; i++)
        buf_putc(dst, ' ');
    buf_put_slice(dst, text);
}

static bool is_zero(struct json counts)
{
    int64_t n;
    return json_int(json_get(counts, S("PT24H")), &n) < 0 || n == 0;
}

/* One line a level, if there was something; the newest time goes to *last. */
static void put_level(struct buf *dst, struct slice measure, struct json counts, bool failed,
                      struct slice *last)
{
    struct buf name = {0};
    struct slice at = json_raw(json_get(counts, S("lastMessageAt")));
    if (is_zero(counts))
        return;
    if (at.p && (!last->p || slice_cmp(at, *last) > 0))
        *last = at;
    buf_put_slice(&name, measure);
    if (failed)
        buf_puts(&name, ", failed");
    put_name(dst, buf_slice(&name), 2, NAME_COLUMNS + 1);
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
        put_figure(dst, json_get(counts, slice_str(windows[i])));
    buf_putc(dst, '\n');
    buf_free(&name);
}

static void put_place(struct buf *dst, const char *kind, struct slice raw_address, struct json measures)
{
    struct buf name = {0}, address = {0};
    struct slice last = SLICE_NONE;
    char text[32];
    buf_printf(&name, "%s ", kind);
    buf_put_slice(&name, json_raw_text(raw_address, &address));
    text_wrap(dst, buf_slice(&name), 0);
    for (struct json_iter it = json_iter(measures); json_next(&it);) {
        put_level(dst, it.key, json_get(it.value, S("success")), false, &last);
        put_level(dst, it.key, json_get(it.value, S("failure")), true, &last);
    }
    buf_puts(dst, "  last message ");
    text_put(dst, last.p ? text_time(last, text) : S("more than 24 hours ago, or never"));
    buf_putc(dst, '\n');
    buf_free(&name);
    buf_free(&address);
}

static void put_places(struct buf *dst, const char *kind, struct json metrics)
{
    for (struct json_iter it = json_iter(json_get(metrics, S("addressMetrics"))); json_next(&it);)
        put_place(dst, kind, it.key, it.value);
}

static void put_metrics(struct buf *dst, struct json s)
{
    struct buf id = {0};
    struct json backlog = json_get(s, S("backlog"));
    put_name(dst, json_text(json_get(s, S("connectionId")), &id), 0, NAME_COLUMNS + 1);
    buf_printf(dst, "%12s%12s%12s\n", "1 minute", "1 hour", "24 hours");
    put_places(dst, "source", json_get(s, S("sourceMetrics")));
    put_places(dst, "target", json_get(s, S("targetMetrics")));
    if (json_present(backlog))
        buf_printf(dst, "on their way: %.*s in, %.*s out\n",
                   SLICE_ARG(json_slice(json_get(backlog, S("inbound")))),
                   SLICE_ARG(json_slice(json_get(backlog, S("outbound")))));
    buf_free(&id);
}

/* --- logs --------------------------------------------------------------------------------------------------------- */

static void put_kind(struct buf *dst, struct json entry)
{
    bool failed = json_text_is(json_get(entry, S("level")), S("failure"));
    put_member(dst, entry, "category");
    buf_putc(dst, ' ');
    put_member(dst, entry, "type");
    if (failed)
        buf_puts(dst, " FAILED");
    if (!json_present(json_get(entry, S("address"))))
        return;
    buf_putc(dst, ' ');
    put_member(dst, entry, "address");
}

static void wrap_about(struct buf *dst, struct json entry)
{
    struct buf text = {0};
    if (json_present(json_get(entry, S("entityId")))) {
        put_member(&text, entry, "entityType");
        buf_putc(&text, ' ');
        put_member(&text, entry, "entityId");
        buf_puts(&text, ", ");
    }
    if (!json_text_is(json_get(entry, S("correlationId")), S("<not-provided>"))) {
        buf_puts(&text, "correlation-id ");
        put_member(&text, entry, "correlationId");
        buf_puts(&text, ", ");
    }
    if (text.len)
        text_wrap(dst, slice_of(buf_p(&text), text.len - 2), DETAIL_INDENT);
    buf_free(&text);
}

static void put_log(struct buf *dst, struct json entry)
{
    struct buf line = {0};
    put_time(&line, entry, "timestamp");
    buf_putc(&line, ' ');
    put_kind(&line, entry);
    text_wrap(dst, buf_slice(&line), 0);
    wrap_member(dst, entry, "message", DETAIL_INDENT);
    wrap_about(dst, entry);
    buf_free(&line);
}

static void put_suppressed(struct buf *dst, struct json entry)
{
    struct buf line = {0};
    buf_printf(&line, "not shown: %.*s of ", SLICE_ARG(json_slice(json_get(entry, S("count")))));
    put_kind(&line, entry);
    text_wrap(dst, buf_slice(&line), 0);
    buf_free(&line);
}

static void put_logs(struct buf *dst, struct json s)
{
    put_member(dst, s, "connectionId");
    if (json_present(json_get(s, S("enabledSince")))) {
        buf_puts(dst, ": logging since ");
        put_time(dst, s, "enabledSince");
        buf_puts(dst, " until ");
        put_time(dst, s, "enabledUntil");
        buf_putc(dst, '\n');
    } else {
        buf_puts(dst, ": logging is off; enable it with logs -e\n");
    }
    for (struct json_iter it = json_iter(json_get(s, S("connectionLogs"))); json_next(&it);)
        put_log(dst, it.value);
    for (struct json_iter it = json_iter(json_get(s, S("suppressed"))); json_next(&it);)
        put_suppressed(dst, it.value);
}

/* --- whichever ---------------------------------------------------------------------------------------------------- */

void plain_put(struct buf *dst, struct json signal)
{
    struct json type = json_get(signal, S("type"));
    if (json_text_is(type, S("connectivity.responses:retrieveConnectionStatus"))) {
        put_status(dst, signal);
    } else if (json_text_is(type, S("connectivity.responses:retrieveConnectionMetrics"))) {
        put_metrics(dst, signal);
    } else if (json_text_is(type, S("connectivity.responses:retrieveConnectionLogs"))) {
        put_logs(dst, signal);
    } else {
        put_member(dst, signal, "connectionId");
        buf_puts(dst, ": done\n");
    }
}
