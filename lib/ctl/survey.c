#include "ctl/survey.h"

#include <errno.h>
#include "base/banned.h"

static int ask(struct client *c, const char *command, struct slice id, struct line *answer)
{
    struct buf members = {0};
    if (id.p)
        json_put_member_text(&members, S("connectionId"), id);
    int rc = client_ask(c, &(struct request){.command = command, .members = buf_slice(&members)}, answer);
    buf_free(&members);
    return rc;
}

static bool is_gone(struct json signal)
{
    return json_text_is(json_pointer(signal, S("/payload/error")), S("connectivity:connection.notfound"));
}

static int one_of_them(struct client *c, struct slice id, struct buf *status,
                       void (*one)(void *arg, const struct surveyed *s), void *arg)
{
    struct surveyed s = {.id = id};
    struct line answer;
    if (ask(c, "retrieveConnectionStatus", id, &answer) < 0)
        return -1;
    buf_cut(status, 0);
    buf_put_slice(status, json_slice(answer.signal)); /* the next answer takes its place */
    if (ask(c, "retrieveConnectionMetrics", id, &answer) < 0)
        return -1;
    (void)json_parse(buf_slice(status), &s.status, NULL);
    s.metrics = answer.signal;
    if (!is_gone(s.status) && !is_gone(s.metrics))
        one(arg, &s);
    return 0;
}

int survey(struct client *c, void (*one)(void *arg, const struct surveyed *s), void *arg)
{
    struct buf ids = {0}, status = {0};
    struct line answer = {.kind = LINE_UNKNOWN};
    int rc = ask(c, "retrieveAllConnectionIds", SLICE_NONE, &answer);
    for (struct json_iter it = json_iter(json_get(answer.signal, S("connectionIds")));
         rc == 0 && json_next(&it);) {
        buf_put_slice(&ids, json_raw(it.value));
        buf_putc(&ids, '\n');
    }
    for (struct slice rest = buf_slice(&ids); rc == 0 && rest.len;) {
        struct slice id = slice_cut(&rest, '\n');
        rc = one_of_them(c, id, &status, one, arg);
    }
    buf_free(&ids);
    buf_free(&status);
    return rc;
}

static bool refused(struct json signal)
{
    return json_text_is(json_get(signal, S("type")), S("connectivity.responses:errorResponse"));
}

bool survey_answered(const struct surveyed *s)
{
    return !refused(s->status) && !refused(s->metrics);
}
