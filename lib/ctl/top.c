#include "ctl/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"
#include "ctl/survey.h"
#include "ctl/text.h"
#include "base/banned.h"

enum { ID_COLUMNS = 34, STATE_COLUMNS = 14, RATES = 3, HEAD_LINES = 2, MIN_LINES = 6 };
enum { IN, OUT, FAILED };

struct row {
    char *id, *state, *error; /* error: "" for none */
    bool desired_open;
    uint64_t totals[RATES];
    double rates[RATES];
    int64_t backlog;
};

struct table {
    struct row *v;
    size_t n, size;
    msec at;
    bool unanswered;
};

/* --- one connection ----------------------------------------------------------------------------------------------- */

static char *text_of(struct json v)
{
    struct buf scratch = {0};
    struct slice text = json_text(v, &scratch);
    char *copy = text.p ? xstrndup(text.p, text.len) : xstrndup("", 0);
    buf_free(&scratch);
    return copy;
}

static int64_t number(struct json v)
{
    int64_t n;
    return json_int(v, &n) == 0 ? n : 0;
}

/* Which rate a count belongs to; RATES: none. What was rejected because it failed before is not counted again. */
static int rate_of(struct slice measure, struct slice level)
{
    if (slice_eq(measure, S("consumed")))
        return IN;
    if (slice_eq(level, S("success")))
        return slice_eq(measure, S("published")) ? OUT : RATES;
    return slice_eq(measure, S("acknowledged")) || slice_eq(measure, S("other")) ? RATES : FAILED;
}

static void add_totals(struct row *r, struct json totals)
{
    for (struct json_iter category = json_iter(totals); json_next(&category);)
        for (struct json_iter place = json_iter(category.value); json_next(&place);)
            for (struct json_iter measure = json_iter(place.value); json_next(&measure);)
                for (struct json_iter level = json_iter(measure.value); json_next(&level);) {
                    int rate = rate_of(measure.key, level.key);
                    if (rate < RATES)
                        r->totals[rate] += (uint64_t)number(level.value);
                }
}

static void add_minute(struct row *r, struct json metrics)
{
    for (struct json_iter direction = json_iter(metrics); json_next(&direction);)
        for (struct json_iter measure = json_iter(direction.value); json_next(&measure);)
            for (struct json_iter level = json_iter(measure.value); json_next(&level);) {
                int rate = rate_of(measure.key, level.key);
                if (rate < RATES)
                    r->rates[rate] += (double)number(json_get(level.value, S("PT1M"))) / 60;
            }
}

/* Why it is not as it should be; else what failed last. */
static char *error_of(const struct surveyed *s, const char *state)
{
    struct buf text = {0};
    struct json last = json_get(s->metrics, S("lastError"));
    bool bad = strcmp(state, "failed") == 0 || strcmp(state, "misconfigured") == 0;
    for (struct json_iter it = json_iter(json_get(s->status, S("clientStatus")));
         bad && !text.len && json_next(&it);) {
        char *detail = text_of(json_get(it.value, S("statusDetails")));
        if (json_text_is(json_get(it.value, S("status")), slice_str(state)))
            buf_puts(&text, detail);
        free(detail);
    }
    if (!text.len && json_present(last)) {
        char iso[32], *message = text_of(json_get(last, S("message")));
        struct slice at = json_raw(json_get(last, S("at")));
        buf_put_slice(&text, text_time(at, iso));
        buf_printf(&text, " %s", message);
        free(message);
    }
    char *copy = xstrndup(buf_slice(&text).p, text.len);
    buf_free(&text);
    return copy;
}

static void add_row(void *arg, const struct surveyed *s)
{
    struct table *t = arg;
    if (!survey_answered(s)) {
        t->unanswered = true;
        return;
    }
    if (t->n == t->size) {
        t->size = t->size ? 2 * t->size : 64;
        t->v = xrealloc_array(t->v, t->size, sizeof *t->v);
    }
    struct row *r = &t->v[t->n++];
    *r = (struct row){.id = xstrndup(s->id.p, s->id.len),
                      .state = text_of(json_get(s->status, S("liveStatus")))};
    r->error = error_of(s, r->state);
    r->desired_open = json_text_is(json_get(s->status, S("connectionStatus")), S("open"));
    add_totals(r, json_get(s->metrics, S("totals")));
    add_minute(r, json_get(s->metrics, S("connectionMetrics")));
    r->backlog = number(json_pointer(s->metrics, S("/backlog/inbound"))) +
                 number(json_pointer(s->metrics, S("/backlog/outbound")));
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static void table_free(struct table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->v[i].id);
        free(t->v[i].state);
        free(t->v[i].error);
    }
    free(t->v);
    *t = (struct table){0};
}

static const struct row *find(const struct table *t, const char *id)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->v[i].id, id) == 0)
            return &t->v[i];
    return NULL;
}

/* Counters that went back belong to another supervisor. */
static void set_rates(struct table *now, const struct table *before)
{
    double seconds = (double)(now->at - before->at) / 1000;
    for (size_t i = 0; before->n && seconds > 0 && i < now->n; i++) {
        struct row *r = &now->v[i];
        const struct row *b = find(before, r->id);
        for (int k = 0; b && k < RATES; k++)
            r->rates[k] = r->totals[k] >= b->totals[k] ? (double)(r->totals[k] - b->totals[k]) / seconds : 0;
    }
}

static bool in_trouble(const struct row *r)
{
    return r->desired_open && strcmp(r->state, "open") != 0;
}

static int by_trouble(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    double busy_x = x->rates[IN] + x->rates[OUT], busy_y = y->rates[IN] + y->rates[OUT];
    if (in_trouble(x) != in_trouble(y))
        return in_trouble(y) - in_trouble(x);
    if (busy_x != busy_y)
        return busy_x < busy_y ? 1 : -1;
    return strcmp(x->id, y->id);
}

static void look(struct ctl *ctl, struct table *t, const struct table *before)
{
    ctl_open(ctl);
    ctl_set_deadline(ctl);
    if (survey(&ctl->store, add_row, t) < 0)
        ctl_die_without_answer(ctl);
    t->at = clock_ms();
    set_rates(t, before);
    if (t->n)
        qsort(t->v, t->n, sizeof *t->v, by_trouble);
}

/* --- drawing ------------------------------------------------------------------------------------------------------ */

static void put_line(struct buf *dst, struct buf *line, size_t width)
{
    while (line->len && buf_p(line)[line->len - 1] == ' ')
        buf_cut(line, line->len - 1);
    struct slice text = buf_slice(line);
    size_t n = text_columns(text);
    text_pad(dst, text, n < width ? n : width);
    buf_putc(dst, '\n');
    buf_cut(line, 0);
}

static void put_summary(struct buf *line, const struct table *t)
{
    static const char *const states[] = {"open", "failed", "misconfigured", "unknown", "closed"};
    char iso[ISO_SIZE], text[32];
    text_put(line, text_time(slice_str(clock_iso(iso, wall_ms() / 1000 * 1000)), text));
    buf_printf(line, "  %zu connection%s", t->n, t->n == 1 ? "" : "s");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        size_t n = 0;
        for (size_t k = 0; k < t->n; k++)
            n += strcmp(t->v[k].state, states[i]) == 0;
        if (n)
            buf_printf(line, ", %zu %s", n, states[i]);
    }
    if (t->unanswered)
        buf_puts(line, ", no supervisor");
}

static void put_row(struct buf *line, const struct row *r)
{
    text_pad(line, slice_str(r->id), ID_COLUMNS - 1);
    buf_putc(line, ' ');
    text_pad(line, slice_str(r->state), STATE_COLUMNS - 1);
    for (int i = 0; i < RATES; i++)
        buf_printf(line, "%*.1f", i == IN ? 7 : 8, r->rates[i]);
    buf_printf(line, "%9lld", (long long)r->backlog);
}

/* lines 0: all rows. */
static void draw(struct buf *dst, const struct table *t, size_t width, size_t lines)
{
    struct buf line = {0};
    size_t used = HEAD_LINES;
    put_summary(&line, t);
    put_line(dst, &line, width);
    buf_printf(&line, "%-*s%-*s%6s%8s%8s%9s", ID_COLUMNS, "CONNECTION", STATE_COLUMNS, "STATE", "IN/s",
               "OUT/s", "FAIL/s", "BACKLOG");
    put_line(dst, &line, width);
    for (size_t i = 0; i < t->n; i++) {
        const struct row *r = &t->v[i];
        used += 1 + (r->error[0] != '\0');
        if (lines && used > lines)
            break;
        put_row(&line, r);
        put_line(dst, &line, width);
        if (!r->error[0])
            continue;
        buf_puts(&line, "  ");
        text_put(&line, slice_str(r->error));
        put_line(dst, &line, width);
    }
    buf_free(&line);
}

/* --- the terminal ------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t ended;

static void on_signal(int signo)
{
    (void)signo;
    ended = 1;
}

/* SIGWINCH only wakes up: the size is read for each screen. */
static void on_resize(int signo)
{
    (void)signo;
}

static struct termios begin_screen(void)
{
    struct termios old, raw;
    const struct sigaction end = {.sa_handler = on_signal}, wake = {.sa_handler = on_resize};
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGWINCH, &wake, NULL);
    if (tcgetattr(0, &old) == 0) {
        raw = old;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        (void)tcsetattr(0, TCSANOW, &raw);
    }
    return old;
}

/* Waits for the next screen, or for the end: q. */
static void wait_for_key(msec until)
{
    while (!ended) {
        struct pollfd p = {.fd = 0, .events = POLLIN};
        msec left = until - clock_ms();
        char key;
        if (left <= 0)
            return;
        int n = poll(&p, 1, (int)left);
        if (n < 0)
            return; /* a signal: another size, or the end */
        if (n > 0 && (read(0, &key, 1) <= 0 || key == 'q'))
            ended = 1;
    }
}

static void size_of_terminal(size_t *width, size_t *lines)
{
    struct winsize w = {0};
    bool known = ioctl(1, TIOCGWINSZ, &w) == 0;
    *width = known && w.ws_col ? w.ws_col : TEXT_COLUMNS;
    *lines = known && w.ws_row > MIN_LINES ? w.ws_row - 1u : 23;
}

static int watch_screen(struct ctl *ctl, const struct top *o)
{
    struct table now = {0}, before = {0};
    struct termios old = begin_screen();
    size_t width, lines;
    ctl_open(ctl);
    buf_puts(&ctl->out, "\033[?1049h\033[?25l"); /* the alternate screen, no cursor */
    for (unsigned long i = 0; !ended && (!o->screens || i < o->screens); i++) {
        look(ctl, &now, &before);
        size_of_terminal(&width, &lines);
        buf_puts(&ctl->out, "\033[H\033[J");
        draw(&ctl->out, &now, width, lines);
        ctl_flush(ctl);
        table_free(&before);
        before = now;
        now = (struct table){0};
        wait_for_key(clock_ms() + (msec)o->interval_s * 1000);
    }
    buf_puts(&ctl->out, "\033[?25h\033[?1049l");
    ctl_flush(ctl);
    (void)tcsetattr(0, TCSANOW, &old);
    table_free(&before);
    return EXIT_DONE;
}

/* --- plain text --------------------------------------------------------------------------------------------------- */

static int print_screens(struct ctl *ctl, const struct top *o)
{
    struct table now = {0}, before = {0};
    bool unanswered = false;
    for (unsigned long i = 0; i < (o->screens ? o->screens : 1); i++) {
        if (i)
            (void)poll(NULL, 0, (int)o->interval_s * 1000);
        look(ctl, &now, &before);
        if (i)
            buf_putc(&ctl->out, '\n');
        draw(&ctl->out, &now, TEXT_COLUMNS, 0);
        ctl_flush(ctl);
        unanswered = now.unanswered;
        table_free(&before);
        before = now;
        now = (struct table){0};
    }
    table_free(&before);
    return unanswered ? EXIT_NEGATIVE : EXIT_DONE;
}

int top_run(struct ctl *ctl, const struct top *options)
{
    return isatty(0) && isatty(1) ? watch_screen(ctl, options) : print_screens(ctl, options);
}
