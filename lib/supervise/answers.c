#include "supervise/answers.h"

#include "base/banned.h"

static void put_done(struct buf *dst, const char *command, struct slice id)
{
    buf_printf(dst, "{\"type\":\"connectivity.responses:%s\",\"status\":200", command);
    json_put_member_text(dst, S("connectionId"), id);
    buf_putc(dst, '}');
}

static void metrics(struct buf *dst, struct managed *m, const char *command)
{
    (void)command;
    vitals_put_metrics(dst, &m->vitals, slice_str(m->id), m->built ? &m->connection : NULL, clock_ms());
}

static void reset_metrics(struct buf *dst, struct managed *m, const char *command)
{
    vitals_reset_metrics(&m->vitals);
    put_done(dst, command, slice_str(m->id));
}

static void logs(struct buf *dst, struct managed *m, const char *command)
{
    (void)command;
    vitals_put_logs(dst, &m->vitals, slice_str(m->id), wall_ms());
}

static void enable_logs(struct buf *dst, struct managed *m, const char *command)
{
    vitals_enable_logs(&m->vitals, wall_ms());
    put_done(dst, command, slice_str(m->id));
}

static void reset_logs(struct buf *dst, struct managed *m, const char *command)
{
    vitals_reset_logs(&m->vitals);
    put_done(dst, command, slice_str(m->id));
}

static void status(struct buf *dst, struct managed *m, const char *command)
{
    (void)command;
    status_put(dst, m);
}

static const struct {
    const char *command;
    void (*answer)(struct buf *dst, struct managed *m, const char *command);
} answers[] = {
    {"retrieveConnectionStatus", status},      {"retrieveConnectionMetrics", metrics},
    {"resetConnectionMetrics", reset_metrics}, {"retrieveConnectionLogs", logs},
    {"enableConnectionLogs", enable_logs},     {"resetConnectionLogs", reset_logs},
};

static void put_error(struct buf *dst, const struct ditto_error *err)
{
    buf_printf(dst,
               "{\"type\":\"connectivity.responses:errorResponse\",\"status\":%d,\"payload\":", err->status);
    ditto_error_put(dst, err, false);
    buf_putc(dst, '}');
}

void answer_put(struct buf *dst, const struct house *h, struct json command)
{
    struct ditto_error err = {0};
    struct buf scratch = {0};
    struct slice id = json_text(json_get(command, S("connectionId")), &scratch);
    struct slice type = json_raw(json_get(command, S("type")));
    struct managed *m = id.p ? house_find(h, id) : NULL;
    struct slice prefix = S("connectivity.commands:");
    size_t i = 0, n = sizeof answers / sizeof *answers;
    while (i < n && !(slice_starts(type, prefix) &&
                      slice_eq(slice_skip(type, prefix.len), slice_str(answers[i].command))))
        i++;
    if (i == n)
        ditto_fail(&err, 503, "connectivity:connection.unavailable", NULL, NULL,
                   "The supervisor does not answer commands of this type.");
    else if (!m)
        ditto_fail(&err, 404, "connectivity:connection.notfound", NULL, NULL,
                   "The connection '%.*s' is not known to the supervisor.", SLICE_ARG(id));
    if (err.status)
        put_error(dst, &err);
    else
        answers[i].answer(dst, m, answers[i].command);
    buf_free(&scratch);
}
