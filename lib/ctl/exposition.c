#include "ctl/exposition.h"

#include "ctl/survey.h"
#include "base/banned.h"

/* Samples of a family stand together: each has its own buffer until all connections are known. */
enum family { MESSAGES, LIVE, DESIRED, CLIENTS, BACKLOG, UP, FAMILIES };

static const struct {
    const char *name, *type, *help;
} families[FAMILIES] = {
    [MESSAGES] = {"connection_messages_total", "counter",
                  "Messages of a source or target, by what became of them."},
    [LIVE] = {"connection_live_status", "gauge", "1 for the live status that the connection has."},
    [DESIRED] = {"connection_desired_open", "gauge", "Whether the connection should be open."},
    [CLIENTS] = {"connection_client", "gauge", "Clients of the connection that are open."},
    [BACKLOG] = {"connection_backlog", "gauge", "Messages on their way, not yet acknowledged."},
    [UP] = {"connection_supervisor_up", "gauge", "Whether the supervisor answers."},
};

struct exposition {
    struct buf samples[FAMILIES];
    bool up;
};

/* --- one connection ----------------------------------------------------------------------------------------------- */

static void put_label(struct buf *dst, const char *name, struct slice value)
{
    buf_printf(dst, "%s%s=\"", dst->len && buf_p(dst)[dst->len - 1] == '{' ? "" : ",", name);
    for (size_t i = 0; i < value.len; i++)
        switch (value.p[i]) {
        case '\\': buf_puts(dst, "\\\\"); break;
        case '"': buf_puts(dst, "\\\""); break;
        case '\n': buf_puts(dst, "\\n"); break;
        default: buf_putc(dst, value.p[i]);
        }
    buf_putc(dst, '"');
}

static struct buf *begin(struct exposition *e, enum family f, struct slice id)
{
    struct buf *dst = &e->samples[f];
    buf_puts(dst, families[f].name);
    buf_putc(dst, '{');
    put_label(dst, "id", id);
    return dst;
}

static void end(struct buf *dst, int64_t value)
{
    buf_printf(dst, "} %lld\n", (long long)value);
}

struct sample {
    struct slice id, type, category, address;
};

static void put_messages(struct exposition *e, const struct sample *s, struct slice level, struct json count)
{
    int64_t n = 0;
    bool inbound = slice_eq(s->category, S("source"));
    struct buf *dst = begin(e, MESSAGES, s->id);
    put_label(dst, "type", s->type);
    put_label(dst, "category", s->category);
    put_label(dst, "direction", inbound ? S("inbound") : S("outbound"));
    put_label(dst, "address", s->address);
    put_label(dst, "success", slice_eq(level, S("success")) ? S("true") : S("false"));
    (void)json_int(count, &n);
    end(dst, n);
}

static void put_place(struct exposition *e, struct sample *s, struct json measures)
{
    for (struct json_iter type = json_iter(measures); json_next(&type);) {
        s->type = type.key;
        for (struct json_iter level = json_iter(type.value); json_next(&level);)
            put_messages(e, s, level.key, level.value);
    }
}

static void put_totals(struct exposition *e, struct slice id, struct json totals)
{
    struct sample s = {.id = id};
    for (struct json_iter category = json_iter(totals); json_next(&category);) {
        s.category = category.key;
        for (struct json_iter place = json_iter(category.value); json_next(&place);) {
            struct buf address = {0};
            s.address = json_raw_text(place.key, &address);
            put_place(e, &s, place.value);
            buf_free(&address);
        }
    }
}

static void put_status(struct exposition *e, struct slice id, struct json status)
{
    static const char *const words[] = {"open", "closed", "failed", "misconfigured", "unknown"};
    struct json live = json_get(status, S("liveStatus"));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct buf *dst = begin(e, LIVE, id);
        put_label(dst, "status", slice_str(words[i]));
        end(dst, json_text_is(live, slice_str(words[i])));
    }
    end(begin(e, DESIRED, id), json_text_is(json_get(status, S("connectionStatus")), S("open")));
    int64_t clients = 0;
    for (struct json_iter it = json_iter(json_get(status, S("clientStatus"))); json_next(&it);)
        clients += json_text_is(json_get(it.value, S("status")), S("open"));
    end(begin(e, CLIENTS, id), clients);
}

static void put_backlog(struct exposition *e, struct slice id, struct json backlog)
{
    for (struct json_iter it = json_iter(backlog); json_next(&it);) {
        int64_t n = 0;
        struct buf *dst = begin(e, BACKLOG, id);
        put_label(dst, "direction", it.key);
        (void)json_int(it.value, &n);
        end(dst, n);
    }
}

static void put_connection(void *arg, const struct surveyed *s)
{
    struct exposition *e = arg;
    e->up &= survey_answered(s);
    if (!survey_answered(s))
        return;
    put_totals(e, s->id, json_get(s->metrics, S("totals")));
    put_status(e, s->id, s->status);
    put_backlog(e, s->id, json_get(s->metrics, S("backlog")));
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static void put_family(struct buf *dst, enum family f, const struct buf *samples)
{
    if (samples->len == 0)
        return;
    buf_printf(dst, "# HELP %s %s\n# TYPE %s %s\n", families[f].name, families[f].help, families[f].name,
               families[f].type);
    buf_put_slice(dst, buf_slice(samples));
}

int exposition_put(struct buf *dst, struct client *c)
{
    struct exposition e = {.up = true};
    int rc = survey(c, put_connection, &e);
    buf_printf(&e.samples[UP], "%s %d\n", families[UP].name, e.up);
    for (enum family f = 0; f < FAMILIES; f++) {
        if (rc == 0)
            put_family(dst, f, &e.samples[f]);
        buf_free(&e.samples[f]);
    }
    return rc;
}
