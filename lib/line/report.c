#include "line/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/scan.h"
#include "json/json.h"

#include "base/banned.h"

enum {
    ENTRIES = 10,            /* a measure and level may have in a row … */
    PENDING_MAX = 16 * 1024, /* bytes of lines that found no room yet; what exceeds them is lost */
    MESSAGE_SIZE = 400,      /* of an entry, with its NUL */
    ERROR_MAX = 512,         /* bytes of an error's text */
    /* bytes of JSON in an entry, which must fit into REPORT_MAX: of an id, of its sentence, of headers or payload */
    ABOUT_MAX = 256,
    SENTENCE_MAX = 800,
    CONTENT_MAX = 900,
    LAST_MS = 1000, /* for the last report */
};
/* … and gets back with each REPORT_MS: failures are rarer and say more. */
static const unsigned char refill[LEVELS] = {[LEVEL_FAILURE] = 5, [LEVEL_SUCCESS] = 2};

static int report_fd = -1;
static const char *from = "";
static long life; /* of this process: totals begin at 0 with it */
static struct loop *loop;
static struct timer timer;
static struct meter *meters, **last_meter = &meters;
static msec refilled;      /* when entries were given back */
static struct buf pending; /* lines that are to be written */
static struct buf page;    /* the write at hand */

static void on_error(const char *text);

void report_init(const char *program)
{
    uint64_t fd;
    const char *text = getenv("CONN_REPORT_FD");
    from = program;
    life = (long)getpid();
    if (!text)
        return;
    if (scan_u64(slice_str(text), &fd) == 0 && fd > 2 && fd < 1024 && io_cloexec((int)fd, true) == 0)
        report_fd = (int)fd;
    else
        warn("cannot report on '%s' ($CONN_REPORT_FD): not an open descriptor", text);
    unsetenv("CONN_REPORT_FD");
    if (report_wanted())
        log_on_error(on_error);
}

bool report_wanted(void)
{
    return report_fd >= 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void begin_report(struct buf *b, const char *kind)
{
    buf_putc(b, '{');
    json_put_member_text(b, S("report"), slice_str(kind));
    json_put_member_text(b, S("from"), slice_str(from));
    json_put_member_int(b, S("life"), life);
}

/* One write of whole lines, which a pipe takes whole or not at all. Nobody who listens is no reason to fail. */
static bool write_page(struct slice lines)
{
    ssize_t n = report_fd < 0 ? -1 : io_write_some(report_fd, lines.p, lines.len);
    if (n < 0)
        report_fd = -1;
    return n == (ssize_t)lines.len || n < 0;
}

/* Why it is about to end, perhaps: the supervisor repeats it. */
static void on_error(const char *text)
{
    struct buf b = {0};
    begin_report(&b, "error");
    json_put_member_text(&b, S("detail"), slice_of(text, strnlen(text, ERROR_MAX)));
    buf_puts(&b, "}\n");
    (void)write_page(buf_slice(&b));
    buf_free(&b);
}

/* Lost, it is asked for again. */
void report_alive(void)
{
    struct buf b = {0};
    if (!report_wanted())
        return;
    begin_report(&b, "alive");
    buf_puts(&b, "}\n");
    (void)write_page(buf_slice(&b));
    buf_free(&b);
}

/* As many whole lines as fit into one write. */
static size_t page_of(struct slice lines)
{
    size_t n = lines.len < REPORT_MAX ? lines.len : REPORT_MAX;
    while (n && lines.p[n - 1] != '\n')
        n--;
    return n;
}

static bool flush_pending(void)
{
    size_t n;
    while ((n = page_of(buf_slice(&pending))) && write_page(slice_of(buf_p(&pending), n)))
        buf_take(&pending, n);
    return pending.len == 0;
}

static void tell(struct meter *m, struct meter *until, bool told)
{
    for (; m != until; m = m->next)
        m->dirty = m->dirty && !told;
}

static void put_meter(struct buf *b, const struct meter *m)
{
    begin_report(b, "meter");
    place_put(b, &m->place);
    meter_put_counts(b, m);
    buf_puts(b, "}\n");
}

/* Meters are as dirty as before if there is no room for them. */
static bool flush_meters(void)
{
    struct meter *first = meters, *m;
    bool all = true;
    buf_reset(&page, REPORT_MAX);
    for (m = meters; m && all; m = m->next) {
        size_t before = page.len;
        if (m->dirty)
            put_meter(&page, m);
        if (page.len <= REPORT_MAX)
            continue;
        all = write_page(slice_of(buf_p(&page), before));
        tell(first, m, all);
        first = m;
        buf_take(&page, before);
    }
    if (all && page.len)
        all = write_page(buf_slice(&page));
    tell(first, m, all);
    return all;
}

static bool flush(void)
{
    return flush_pending() && flush_meters();
}

static void on_timer(struct timer *t)
{
    if (!flush())
        loop_timer(loop, t, clock_ms() + REPORT_MS);
}

/* --- when something changed --------------------------------------------------------------------------------------- */

static void give_back(struct meter *m, msec n)
{
    for (size_t i = 0; i < MEASURES; i++)
        for (size_t l = 0; l < LEVELS; l++) {
            msec entries = m->entries[i][l] + n * refill[l];
            m->entries[i][l] = (unsigned char)(entries < ENTRIES ? entries : ENTRIES);
        }
}

static void wake(void)
{
    if (!loop || timer.at != NEVER)
        return;
    msec now = clock_ms(), n = (now - refilled) / REPORT_MS;
    if (n) {
        refilled = now;
        for (struct meter *m = meters; m; m = m->next)
            give_back(m, n < ENTRIES ? n : ENTRIES);
    }
    loop_timer(loop, &timer, now + REPORT_MS);
}

struct meter *report_meter(enum category category, unsigned index, int address)
{
    struct meter *m = meters;
    if (report_fd < 0)
        return NULL;
    while (m && (m->place.category != category || m->place.index != index || m->place.address != address))
        m = m->next;
    if (m)
        return m;
    m = xcalloc(1, sizeof *m);
    m->place = (struct place){category, index, address};
    give_back(m, ENTRIES);
    *last_meter = m;
    last_meter = &m->next;
    return m;
}

bool meter_count(struct meter *m, enum measure what, bool success)
{
    if (!m)
        return false;
    m->counts[what][success]++;
    if (!m->dirty) {
        m->dirty = true;
        wake();
    }
    if (!m->entries[what][success])
        return false;
    m->entries[what][success]--;
    return true;
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

static size_t escaped_size(char c)
{
    if ((unsigned char)c < 0x20)
        return 6;
    return c == '"' || c == '\\' ? 2 : 1;
}

/* As much of it, in whole characters, as takes max bytes in JSON. */
static struct slice fitting(struct slice text, size_t max)
{
    size_t n = 0, size = 0;
    while (n < text.len && (size += escaped_size(text.p[n])) <= max)
        n++;
    while (n && n < text.len && ((unsigned char)text.p[n] & 0xC0) == 0x80)
        n--;
    return slice_of(text.p, n);
}

static void put_about(struct slice name, struct slice text)
{
    if (text.p)
        json_put_member_text(&pending, name, fitting(text, ABOUT_MAX));
}

static void put_content(struct buf *b, const char *what, struct slice text)
{
    struct slice part = fitting(text, CONTENT_MAX);
    if (text.p)
        buf_printf(b, "%s%.*s%s", what, SLICE_ARG(part), part.len < text.len ? "\xe2\x80\xa6" : "");
}

static void put_message(const struct report_about *about, const char *sentence)
{
    struct buf b = {0};
    buf_put_slice(&b, fitting(slice_str(sentence), SENTENCE_MAX));
    if (about) {
        put_content(&b, " Headers: ", about->headers);
        put_content(&b, " Payload: ", about->payload);
    }
    json_put_member_text(&pending, S("message"), buf_slice(&b));
    buf_free(&b);
}

static void put_entry(const struct meter *m, enum measure what, bool success,
                      const struct report_about *about, const char *message)
{
    if (pending.len > PENDING_MAX)
        return;
    begin_report(&pending, "log");
    place_put(&pending, &m->place);
    json_put_member_text(&pending, S("type"), slice_str(measure_text(what)));
    json_put_member_text(&pending, S("level"), slice_str(level_text(success)));
    json_put_member_int(&pending, S("at"), wall_ms());
    if (about) {
        put_about(S("correlationId"), about->correlation_id);
        put_about(S("entityType"), about->entity_type);
        put_about(S("entityId"), about->entity_id);
    }
    put_message(about, message);
    buf_puts(&pending, "}\n");
}

void report_log(struct meter *m, enum measure what, bool success, const struct report_about *about,
                const char *fmt, ...)
{
    char message[MESSAGE_SIZE];
    va_list ap;
    if (!m)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    put_entry(m, what, success, about, message);
}

void report_event(bool success, const char *fmt, ...)
{
    struct meter *m = report_meter(CATEGORY_CONNECTION, 0, ALL_ADDRESSES);
    char message[MESSAGE_SIZE];
    va_list ap;
    if (!meter_count(m, MEASURE_OTHER, success))
        return;
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    put_entry(m, MEASURE_OTHER, success, NULL, message);
}

/* --- states ------------------------------------------------------------------------------------------------------- */

static void end_report(void)
{
    buf_puts(&pending, "}\n");
    if (!flush_pending())
        wake();
}

static void put_state(const char *state, const char *detail)
{
    char text[MESSAGE_SIZE];
    json_put_member_text(&pending, S("state"), slice_str(state));
    if (!detail)
        return;
    (void)snprintf(text, sizeof text, "%s", detail);
    json_put_member_text(&pending, S("detail"), slice_str(text));
}

void report_state(const char *state, const char *detail)
{
    if (report_fd < 0)
        return;
    begin_report(&pending, "state");
    put_state(state, detail);
    end_report();
}

void report_place(enum category category, unsigned index, int address, const char *state, const char *detail)
{
    struct place place = {category, index, address};
    if (report_fd < 0)
        return;
    begin_report(&pending, "state");
    place_put(&pending, &place);
    put_state(state, detail);
    end_report();
}

void counters_print(const struct counter *c, size_t n)
{
    struct buf b = {0};
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s%s=%llu", i ? " " : "", c[i].name, (unsigned long long)c[i].n);
    notice("%s", buf_z(&b));
    buf_free(&b);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

void report_attach(struct loop *l)
{
    if (report_fd < 0)
        return;
    loop = l;
    timer = (struct timer){.at = NEVER, .fire = on_timer};
    refilled = clock_ms();
    for (struct meter *m = meters; m; m = m->next)
        if (m->dirty)
            wake();
}

/* The supervisor reads always; only if it is very late there is no room. */
static void flush_last(void)
{
    msec end = clock_ms() + LAST_MS;
    while (report_fd >= 0 && !flush() && clock_ms() < end) {
        struct pollfd p = {.fd = report_fd, .events = POLLOUT};
        (void)poll(&p, 1, (int)(end - clock_ms()) > 0 ? (int)(end - clock_ms()) : 0);
    }
}

void report_end(void)
{
    flush_last();
    if (loop)
        loop_timer(loop, &timer, NEVER);
    loop = NULL;
    while (meters) {
        struct meter *m = meters;
        meters = m->next;
        free(m);
    }
    last_meter = &meters;
    buf_free(&pending);
    buf_free(&page);
}
