#include "ctl/ctl.h"

#include <errno.h>

#include "base/log.h"
#include "ctl/plain.h"
#include "base/banned.h"

void ctl_flush(struct ctl *ctl)
{
    if (lines_flush(1, &ctl->out) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
}

void ctl_print(struct ctl *ctl, struct json v)
{
    json_put_compact(&ctl->out, v);
    buf_putc(&ctl->out, '\n');
    ctl_flush(ctl);
}

void ctl_print_problem(struct ctl *ctl, const struct ditto_error *e)
{
    ditto_error_put(&ctl->out, e, true);
    buf_putc(&ctl->out, '\n');
    ctl_flush(ctl);
}

_Noreturn void ctl_die_without_answer(const struct ctl *ctl)
{
    const char *path = ctl->store.path;
    if (errno == ETIMEDOUT)
        die(EXIT_TIMEOUT, "cannot reach store '%s': no answer within %lu seconds", path, ctl->timeout_s);
    if (errno == ECONNRESET || errno == EPIPE)
        die(EXIT_TEMPORARY, "cannot reach store '%s': it hung up", path);
    die_sys(EXIT_TEMPORARY, "cannot reach store '%s'", path);
}

void ctl_open(struct ctl *ctl)
{
    if (ctl->store.fd < 0 && client_open(&ctl->store, NEVER) < 0)
        ctl_die_without_answer(ctl);
}

void ctl_set_deadline(struct ctl *ctl)
{
    ctl->store.deadline = clock_ms() + (msec)ctl->timeout_s * 1000;
}

void ctl_ask(struct ctl *ctl, const struct request *r, struct line *answer)
{
    struct buf headers = {0};
    struct request asked = *r;
    buf_put_slice(&headers, r->headers);
    if (ctl->at_once)
        json_put_member(&headers, S("wait-for-verdict"), S("false"));
    asked.headers = buf_slice(&headers);
    ctl_open(ctl);
    ctl_set_deadline(ctl);
    if (client_ask(&ctl->store, &asked, answer) < 0)
        ctl_die_without_answer(ctl);
    buf_free(&headers);
}

void ctl_ask_about(struct ctl *ctl, const char *command, struct slice id, bool secrets, struct line *answer)
{
    struct buf members = {0};
    json_put_member_text(&members, S("connectionId"), id);
    ctl_ask(ctl, &(struct request){.command = command, .members = buf_slice(&members), .secrets = secrets},
            answer);
    buf_free(&members);
}

int ctl_print_answer(struct ctl *ctl, const struct line *answer, struct slice member)
{
    struct json refusal = client_refusal(answer);
    if (refusal.type != JSON_ABSENT) {
        ctl_print(ctl, refusal);
        return EXIT_NEGATIVE;
    }
    if (ctl->plain) {
        plain_put(&ctl->out, answer->signal);
        ctl_flush(ctl);
        return EXIT_DONE;
    }
    ctl_print(ctl, member.len ? json_get(answer->signal, member) : answer->signal);
    return EXIT_DONE;
}
