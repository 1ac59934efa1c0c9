#include <inttypes.h>
#include <stdio.h>

#include "base/scan.h"
#include "store/server_parts.h"

#include "base/banned.h"

#define ID_PREFIX "s-" /* of the ids that questions have */

struct peer *questions_supervisor(const struct server *s)
{
    struct peer *newest = NULL;
    for (struct peer *p = s->peers; p; p = p->next)
        if (p->follower.supervise && !p->closing && !p->gone)
            newest = p;
    return newest;
}

static void put_object(struct buf *dst, struct json object, struct slice name)
{
    struct json v = json_get(object, name);
    json_put_member(dst, name, v.type == JSON_OBJECT ? json_slice(v) : S("{}"));
}

static struct json question_of(const struct peer *p)
{
    return (struct json){JSON_OBJECT, buf_p(&p->question), p->question.len};
}

static void wait_no_more(struct peer *p)
{
    p->waiting = p->asked = 0;
    loop_timer(p->loop, &p->timer, NEVER);
}

static void answer_instead(struct peer *p, const char *code, const char *why)
{
    struct ditto_error err = {0};
    (void)ditto_fail(&err, 503, code, NULL, NULL, "%s", why);
    if (answer_wanted(question_of(p)))
        answer_error(&p->answers, question_of(p), &err);
    wait_no_more(p);
}

static void on_no_answer(struct timer *t)
{
    answer_instead(t->arg, "connectivity:connection.timeout", "The supervisor did not answer in time.");
}

/* A test connects, subscribes and disconnects. */
static msec patience(const struct peer *p)
{
    struct json type = json_get(json_get(question_of(p), S("signal")), S("type"));
    return json_text_is(type, S("connectivity.commands:testConnection")) ? SERVER_TEST_MS : SERVER_ANSWER_MS;
}

static void ask(struct server *s, struct peer *p, struct peer *supervisor)
{
    char id[32];
    struct buf *out = &supervisor->answers;
    int n = snprintf(id, sizeof id, ID_PREFIX "%" PRIu64, p->waiting);
    buf_putc(out, '{');
    json_put_member_text(out, S("id"), slice_of(id, (size_t)n));
    put_object(out, question_of(p), S("headers"));
    put_object(out, question_of(p), S("signal"));
    buf_puts(out, "}\n");
    p->asked = supervisor->number;
    p->timer.fire = on_no_answer;
    loop_timer(s->loop, &p->timer, clock_ms() + patience(p));
}

static void pass_on(struct peer *p)
{
    if (answer_wanted(question_of(p))) {
        answer_begin(&p->answers, question_of(p), (struct answer_headers){0});
        buf_put_slice(&p->answers, buf_slice(&p->reply));
        answer_end(&p->answers);
    }
    buf_reset(&p->reply, PEER_ANSWER_BYTES);
    wait_no_more(p);
}

static struct peer *whose_question(const struct server *s, struct json id)
{
    struct slice digits = json_raw(id);
    uint64_t n;
    if (!digits.p || !slice_starts(digits, S(ID_PREFIX)) || scan_u64(slice_skip(digits, 2), &n) != 0)
        return NULL;
    for (struct peer *p = s->peers; p; p = p->next)
        if (n && p->waiting == n && !p->gone)
            return p;
    return NULL;
}

void questions_add(struct server *s, struct peer *p, struct json line)
{
    p->waiting = ++s->questions;
    buf_reset(&p->question, PEER_ANSWER_BYTES);
    buf_put_slice(&p->question, json_slice(line));
}

void questions_tell(struct server *s, struct json line)
{
    struct peer *supervisor = questions_supervisor(s);
    if (!supervisor)
        return;
    buf_putc(&supervisor->answers, '{');
    put_object(&supervisor->answers, line, S("headers"));
    put_object(&supervisor->answers, line, S("signal"));
    buf_puts(&supervisor->answers, "}\n");
}

void questions_reply(struct server *s, struct json line, struct json signal)
{
    struct peer *asker = whose_question(s, json_get(line, S("id")));
    if (!asker)
        return; /* too late */
    buf_reset(&asker->reply, PEER_ANSWER_BYTES);
    buf_put_slice(&asker->reply, json_slice(signal));
}

bool questions_exchange(struct server *s)
{
    struct peer *supervisor = questions_supervisor(s);
    bool answered = false;
    for (struct peer *p = s->peers; p; p = p->next) {
        if (!p->waiting)
            continue;
        if (p->reply.len)
            pass_on(p);
        else if (!supervisor)
            answer_instead(p, UNAVAILABLE, "The supervisor went away.");
        else if (p->asked != supervisor->number)
            ask(s, p, supervisor);
        answered |= !p->waiting;
    }
    return answered;
}
