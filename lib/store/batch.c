#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "store/commands.h"
#include "store/server_parts.h"

#include "base/banned.h"

static void bad_line(struct peer *p, struct json line, const char *code, const char *pointer,
                     const char *what)
{
    struct ditto_error err = {0};
    (void)ditto_fail(&err, 400, code, NULL, pointer, "%s", what);
    answer_error(&p->answers, line, &err);
}

static void run_command(struct server *s, struct peer *p, struct json line)
{
    size_t at = p->answers.len;
    struct asker asker = {.secrets = p->trusted,
                          .supervised = s->may_ask && !p->follower.supervise,
                          .judged = s->may_judge && p->follower.phase == FOLLOW_NOTHING};
    switch (commands_run(s->store, line, asker, &p->answers)) {
    case COMMAND_ANSWERED: break;
    case COMMAND_FORWARD: questions_add(s, p, line); break;
    case COMMAND_TELL: questions_tell(s, line); break;
    case COMMAND_AWAIT: verdicts_await(p, at); break;
    }
}

static bool is_response(struct json signal)
{
    return slice_starts(json_raw(json_get(signal, S("type"))), S("connectivity.responses:"));
}

static void follow(struct server *s, struct peer *p, struct json request)
{
    struct ditto_error err = {0};
    if (follower_start(&p->follower, s->store, request, p->trusted, &err) != 0)
        answer_notice(&p->answers, &err);
}

/* With all secrets that are in it. */
static void export_log(struct server *s, struct peer *p)
{
    struct ditto_error err = {0};
    if (p->trusted) {
        follower_export(&p->follower, s->store, &p->answers);
        return;
    }
    (void)ditto_fail(&err, 401, "connectivity:connection.unauthorized", NULL, NULL,
                     "Only the store's own user may have the log.");
    answer_notice(&p->answers, &err);
}

static void take_verdict(struct server *s, struct peer *p, struct json line, struct json verdict)
{
    if (verdicts_take(s, verdict) != 0)
        bad_line(p, line, "json.invalid", "/verdict",
                 "A verdict has a connectionId, a revision and a status from 200 to 599.");
}

static void take_line(struct server *s, struct peer *p, struct slice text)
{
    struct json line, none = {JSON_ABSENT, NULL, 0}, signal, request, verdict;
    struct json_error err;
    if (json_parse(text, &line, &err) != 0) {
        char what[128];
        (void)snprintf(what, sizeof what, "The line is not JSON: %s at byte %zu.", err.reason, err.offset);
        bad_line(p, none, "json.invalid", NULL, what);
        return;
    }
    signal = json_get(line, S("signal"));
    request = json_get(line, S("follow"));
    verdict = json_get(line, S("verdict"));
    if (line.type != JSON_OBJECT)
        bad_line(p, none, "json.invalid", NULL, "The line is not a JSON object.");
    else if (p->follower.supervise && is_response(signal))
        questions_reply(s, line, signal);
    else if (p->follower.verdicts && json_present(verdict))
        take_verdict(s, p, line, verdict);
    else if (json_present(signal))
        run_command(s, p, line);
    else if (request.type != JSON_ABSENT)
        follow(s, p, request);
    else if (json_get(line, S("export")).type == JSON_TRUE)
        export_log(s, p);
    else
        bad_line(p, line, "json.field.missing", "/signal", "The line has neither 'signal' nor 'follow'.");
}

static void work_on(struct server *s, const struct work *w)
{
    struct json none = {JSON_ABSENT, NULL, 0};
    if (w->status == LINES_LONG)
        bad_line(w->peer, none, "json.invalid", NULL, "The line is longer than 4 MiB.");
    else if (w->status == LINES_CUT)
        bad_line(w->peer, none, "json.invalid", NULL, "The line is cut off: it does not end in a newline.");
    else
        take_line(s, w->peer, w->line);
}

/* --- all of them ------------------------------------------------------------------------------------------------- */

static bool work_once(struct server *s, struct peer *p)
{
    struct work *w = &s->work[s->n_work];
    size_t before = p->answers.len;
    enum lines_status st = batch_is_full(s) ? LINES_MORE : peer_next(p, &w->line);
    if (st == LINES_MORE)
        return false;
    w->peer = p;
    w->status = st;
    s->n_work++;
    s->counts.lines++;
    trace("client %" PRIu64 ": a line of %zu bytes", p->number, w->line.len);
    work_on(s, w);
    s->made += p->answers.len - before;
    return true;
}

static void work_on_all(struct server *s)
{
    bool some;
    s->may_ask = questions_supervisor(s) != NULL;
    s->may_judge = verdicts_expected(s);
    s->n_work = s->made = 0;
    for (struct peer *p = s->peers; p; p = p->next)
        p->mark = p->answers.len;
    do {
        some = false;
        for (struct peer *p = s->peers; p; p = p->next)
            some |= work_once(s, p);
    } while (some);
}

static void work_again_refusing(struct server *s, int why)
{
    for (struct peer *p = s->peers; p; p = p->next) {
        buf_cut(&p->answers, p->mark);
        verdicts_drop(p, p->mark);
        if (!p->asked)
            p->waiting = 0; /* a question of this batch */
    }
    s->store->refusing = why;
    s->may_ask = false; /* a question that comes up only now would let later answers overtake its own */
    for (size_t i = 0; i < s->n_work; i++)
        work_on(s, &s->work[i]);
    s->store->refusing = 0;
}

/* One line when it begins to fail, or fails for another reason, and one when it works again. */
static void note_commit(struct server *s, int why)
{
    if (why && why != s->failing) {
        errno = why;
        error_sys("cannot write the event log");
    }
    if (why) {
        s->refused += s->n_work;
    } else if (s->failing) {
        warn("can write the event log again, after %" PRIu64 " lines for which it could not", s->refused);
        s->refused = 0;
    }
    s->failing = why;
}

void batch_serve(struct server *s)
{
    work_on_all(s);
    bool changes = s->store->state.n_changes;
    int why = store_commit(s->store) == 0 ? 0 : errno;
    if (changes)
        note_commit(s, why);
    if (why)
        work_again_refusing(s, why);
    s->counts.batches += s->n_work > 0;
}
