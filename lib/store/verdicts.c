#include "store/verdicts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "store/server_parts.h"

#include "base/banned.h"

bool verdicts_expected(const struct server *s)
{
    for (const struct peer *p = s->peers; p; p = p->next)
        if (p->follower.verdicts && !p->closing && !p->gone)
            return true;
    return false;
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static void on_no_verdict(struct timer *t);

static void set_timer(struct peer *p)
{
    p->verdict.fire = on_no_verdict;
    loop_timer(p->loop, &p->verdict, p->n_waits ? p->waits[0].until : NEVER);
}

/* One that the store made. */
static struct json answer_at(const struct peer *p, size_t at, size_t len)
{
    struct json answer;
    struct json_error err;
    if (json_parse(slice_of(buf_p(&p->answers) + at, len), &answer, &err) != 0)
        return (struct json){JSON_ABSENT, NULL, 0};
    return answer;
}

void verdicts_await(struct peer *p, size_t at)
{
    struct wait w = {.at = at, .len = p->answers.len - at, .until = clock_ms() + VERDICT_MS};
    struct json answer = answer_at(p, w.at, w.len);
    struct json id = json_get(json_get(answer, S("signal")), S("connectionId"));
    int64_t revision;
    if (!json_raw(id).p ||
        json_int(json_get(json_get(answer, S("headers")), S("entity-revision")), &revision) != 0)
        bug("an answer that is to wait does not say for what");
    if (!p->waits)
        p->waits = xcalloc(PEER_WAITS, sizeof *p->waits);
    w.id = slice_dup(json_raw(id));
    w.revision = (uint64_t)revision;
    p->waits[p->n_waits++] = w;
    set_timer(p);
}

void verdicts_drop(struct peer *p, size_t from)
{
    while (p->n_waits && p->waits[p->n_waits - 1].at >= from)
        free((char *)p->waits[--p->n_waits].id.p);
    set_timer(p);
}

/* --- the end of waiting ------------------------------------------------------------------------------------------- */

static void forget(struct peer *p, size_t i)
{
    free((char *)p->waits[i].id.p);
    p->n_waits--;
    memmove(p->waits + i, p->waits + i + 1, (p->n_waits - i) * sizeof *p->waits);
    set_timer(p);
}

/* The error takes the place of the answer, and answers the same question: id and correlation-id are in both. */
static void replace(struct peer *p, size_t i, const struct ditto_error *err)
{
    struct wait w = p->waits[i];
    struct buf all = {0};
    buf_put(&all, buf_p(&p->answers), w.at);
    answer_error(&all, answer_at(p, w.at, w.len), err);
    size_t len = all.len - w.at;
    buf_put(&all, buf_p(&p->answers) + w.at + w.len, p->answers.len - w.at - w.len);
    for (size_t later = i + 1; later < p->n_waits; later++)
        p->waits[later].at = p->waits[later].at - w.len + len;
    if (p->mark > w.at)
        p->mark = p->mark - w.len + len;
    buf_wipe(&p->answers);
    p->answers = all;
    forget(p, i);
}

/* status, code, message and description as far as the supervisor said them. */
static void read_error(struct json verdict, int64_t status, struct ditto_error *err)
{
    struct json e = json_get(verdict, S("error"));
    struct buf code = {0}, message = {0}, description = {0};
    struct slice c = json_text(json_get(e, S("error")), &code);
    struct slice m = json_text(json_get(e, S("message")), &message);
    struct slice d = json_text(json_get(e, S("description")), &description);
    (void)ditto_fail(err, (int)status, "connectivity:connection.failed", NULL, NULL, "%.*s",
                     SLICE_ARG(m.p ? m : S("The connection could not be brought to what it should be.")));
    if (c.p)
        (void)snprintf(err->code, sizeof err->code, "%.*s", SLICE_ARG(c));
    (void)snprintf(err->description, sizeof err->description, "%.*s",
                   SLICE_ARG(d.p ? d : S("The change is kept, and the supervisor goes on trying.")));
    buf_free(&code);
    buf_free(&message);
    buf_free(&description);
}

static void judge(struct peer *p, struct slice id, uint64_t revision, const struct ditto_error *err)
{
    for (size_t i = 0; i < p->n_waits;)
        if (p->waits[i].revision > revision || !slice_eq(p->waits[i].id, id))
            i++;
        else if (err->status)
            replace(p, i, err);
        else
            forget(p, i);
}

int verdicts_take(struct server *s, struct json verdict)
{
    struct json id = json_get(verdict, S("connectionId"));
    struct ditto_error err = {0};
    int64_t revision, status;
    if (!json_raw(id).p || json_int(json_get(verdict, S("revision")), &revision) != 0 || revision < 0 ||
        json_int(json_get(verdict, S("status")), &status) != 0 || status < 200 || status > 599)
        return -1;
    if (status >= 400)
        read_error(verdict, status, &err);
    for (struct peer *p = s->peers; p; p = p->next)
        judge(p, json_raw(id), (uint64_t)revision, &err);
    return 0;
}

static void give_up(struct peer *p, const char *code, const char *why)
{
    struct ditto_error err = {0};
    (void)ditto_fail(&err, 503, code, "The change is kept; conn-ctl status shows what becomes of it.", NULL,
                     "%s", why);
    replace(p, 0, &err);
}

static void on_no_verdict(struct timer *t)
{
    struct peer *p = t->arg;
    while (p->n_waits && p->waits[0].until <= clock_ms())
        give_up(p, "connectivity:connection.timeout",
                "The supervisor did not say in time what became of it.");
}

void verdicts_give_up(struct server *s, const char *why)
{
    for (struct peer *p = s->peers; p; p = p->next)
        while (p->n_waits)
            give_up(p, UNAVAILABLE, why);
}
