#include "hub/hub.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "hub/hello.h"
#include "hub/enrich.h"
#include "hub/intake.h"
#include "hub/reply.h"

#include "base/banned.h"

enum { COMPLAIN_EVERY_MS = 10000, RETRY_MS = 1000, SPARE_DESCRIPTORS = 24 };

static const struct counter names[HUB_COUNTERS] = {
    [HUB_RECEIVED] = {"received", 0},
    [HUB_HANDED] = {"handed", 0},
    [HUB_ASKED] = {"asked", 0},
    [HUB_REPLIES] = {"replies", 0},
    [HUB_UNDELIVERED] = {"undelivered", 0},
    [HUB_UNMATCHED] = {"unmatched", 0},
    [HUB_UNSERVED] = {"unserved", 0},
    [HUB_DROPPED] = {"dropped", 0},
    [HUB_UNAVAILABLE] = {"unavailable", 0},
    [HUB_TIMED_OUT] = {"timed_out", 0},
    [HUB_ACCEPTED] = {"accepted", 0},
    [HUB_REJECTED] = {"rejected", 0},
    [HUB_REDELIVERED] = {"redelivered", 0},
    [HUB_ABANDONED] = {"abandoned", 0},
    [HUB_BAD] = {"bad", 0},
    [HUB_UNKNOWN] = {"unknown", 0},
    [HUB_REFUSED] = {"refused", 0},
};

void hub_complain(struct hub *h, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    msec now = clock_ms();
    if (now < h->next_complaint) {
        h->complaints++;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (h->complaints)
        warn("%s (and %llu more of the kind since the last)", text, (unsigned long long)h->complaints);
    else
        warn("%s", text);
    h->complaints = 0;
    h->next_complaint = now + COMPLAIN_EVERY_MS;
}

/* ---- members leave ---- */

static void unlink_member(struct member *m)
{
    struct member **at = &m->hub->members;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    m->hub->n_members--;
}

/* What is queued for an outbound ring will not reach it: labels are answered 503, the rest is dropped. */
static void discard_queue(struct member *m, const char *reason)
{
    struct slice rest = buf_slice(&m->queue), id;
    uint64_t dropped = 0;
    while ((m->role == ROLE_OUT || m->role == ROLE_SERVICE) && rest.len) {
        id = intake_head_id(slice_cut(&rest, '\n'));
        if (id.p)
            wait_unsent(m, id, reason);
        else
            dropped++;
    }
    m->hub->counters[HUB_DROPPED].n += dropped;
    tally_lost(m, dropped);
    if (dropped)
        warn("%s dropped %llu messages: %s", member_name(m), (unsigned long long)dropped, reason);
    buf_free(&m->queue);
    m->queued = 0;
}

/* Takes it out of everything at once; the memory goes when no caller can hold it any more. */
void hub_leave(struct member *m)
{
    struct hub *h = m->hub;
    size_t lost;
    const char *reason;
    if (!member_here(m))
        return;
    loop_remove(h->loop, &m->watch);
    loop_timer(h->loop, &m->greeting, NEVER);
    close(m->watch.fd);
    m->watch.fd = -1;
    unlink_member(m);
    m->next = h->gone;
    h->gone = m;
    info("%s left", member_name(m));
    h->n_stalled -= m->stalled;
    h->n_taps -= m->role == ROLE_TAP;
    wait_abandon(m);
    if (m->role != ROLE_OUT && m->role != ROLE_SERVICE)
        return;
    h->directory.stale = true;
    h->room = true;
    enrich_leave(h, m);
    reason = m->role == ROLE_OUT ? "its outbound ring left" : "its service left";
    discard_queue(m, reason);
    tally_close(m);
    lost = wait_lost(m, reason);
    if (lost)
        warn("%s left %zu messages unsettled: answered 503", member_name(m), lost);
}

static void free_gone(struct hub *h)
{
    while (h->gone) {
        struct member *m = h->gone;
        h->gone = m->next;
        member_free(m);
    }
}

/* It reads no more, but what it wrote is still to come: a ring that drains. */
static void deafen(struct member *m)
{
    if (m->deaf)
        return;
    m->deaf = true;
    m->blocked = false;
    if (m->role == ROLE_OUT || m->role == ROLE_SERVICE) {
        m->hub->directory.stale = true;
        m->hub->room = true;
    }
    discard_queue(m,
                  m->role == ROLE_SERVICE ? "its service reads no more" : "its outbound ring reads no more");
}

static void on_ready(struct watch *w, short revents)
{
    struct member *m = w->arg;
    if (revents & POLLOUT)
        member_queue(m);
    if (member_readable(m)) {
        if (revents & (POLLIN | POLLHUP | POLLERR)) {
            if (lines_fill(&m->in) < 0)
                m->in.eof = true; /* reset by the peer: what it wrote before still counts */
            intake(m);
        }
    } else if (revents & (POLLHUP | POLLERR)) {
        deafen(m);
    }
    if (member_here(m))
        member_watch(m);
}

/* What it is told has no bound but its own doing: who is always read has to read, too. */
static void close_deaf_talker(struct member *m)
{
    warn("%s is closed: it does not read what it is told (%zu bytes)", member_name(m), m->queue.len);
    hub_leave(m);
}

static void write_out(struct member *m)
{
    if (m->deaf)
        buf_reset(&m->queue, 0);
    else if (member_flush(m) < 0)
        deafen(m);
    if (m->paused)
        intake(m); /* lines it had written are in our buffer, the socket will not tell */
    if (member_here(m) && member_ignores(m))
        close_deaf_talker(m);
    if (member_here(m))
        member_watch(m);
}

static void resume_stalled(struct hub *h)
{
    for (struct member *m = h->members, *next; m; m = next) {
        next = m->next;
        if (!m->stalled)
            continue;
        m->stalled = false;
        h->n_stalled--;
        intake(m);
        if (member_here(m))
            member_watch(m);
    }
}

static void before_poll(void *arg)
{
    struct hub *h = arg;
    while (h->dirty || (h->room && (h->n_stalled || h->n_held))) {
        struct member *m = h->dirty;
        if (m) {
            h->dirty = m->next_dirty;
            m->dirty = false;
            if (member_here(m))
                write_out(m);
        } else {
            h->room = false;
            reply_resume(h);
            resume_stalled(h);
        }
    }
    free_gone(h);
}

/* ---- the hub ---- */

static void turn_away(int fd)
{
    struct ditto_error err = {0};
    struct buf answer = {0};
    ditto_fail(&err, 429, "too.many.requests", "Try again soon.", NULL, "The hub has %d members already.",
               HUB_MAX_MEMBERS);
    hello_answer(&answer, &err);
    io_write_some(fd, buf_p(&answer), answer.len);
    buf_free(&answer);
    close(fd);
}

static void on_retry(struct timer *t)
{
    struct hub *h = t->arg;
    h->listener.off = false;
}

static void on_connect(struct watch *w, short revents)
{
    struct hub *h = w->arg;
    struct member *m;
    int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
    (void)revents;
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            warn_sys("cannot accept a member");
            w->off = true;
            loop_timer(h->loop, &h->retry, clock_ms() + RETRY_MS);
        }
        return;
    }
    if (h->n_members == HUB_MAX_MEMBERS) {
        h->counters[HUB_REFUSED].n++;
        hub_complain(h, "cannot let a member in: there are %d already", HUB_MAX_MEMBERS);
        turn_away(fd);
        return;
    }
    m = member_new(h, fd);
    m->next = h->members;
    h->members = m;
    h->n_members++;
    m->watch.ready = on_ready;
    m->greeting.fire = intake_late;
    member_watch(m);
    loop_add(h->loop, &m->watch);
    loop_timer(h->loop, &m->greeting, clock_ms() + HELLO_MAX_MS);
}

static void raise_descriptor_limit(void)
{
    struct rlimit lim;
    rlim_t want = HUB_MAX_MEMBERS + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_cur >= want)
        return;
    lim.rlim_cur = lim.rlim_max < want ? lim.rlim_max : want;
    if (setrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_cur < want)
        warn("cannot have %d members: the limit of open descriptors is %llu", HUB_MAX_MEMBERS,
             (unsigned long long)lim.rlim_cur);
}

void hub_start(struct hub *h, int listener)
{
    raise_descriptor_limit();
    memcpy(h->counters, names, sizeof names);
    enrich_start(h);
    tally_start(h);
    h->listener = (struct watch){.fd = listener, .events = POLLIN, .ready = on_connect, .arg = h};
    h->retry = (struct timer){.at = NEVER, .fire = on_retry, .arg = h};
    loop_add(h->loop, &h->listener);
    loop_before_poll(h->loop, before_poll, h);
}

void hub_stop(struct hub *h)
{
    before_poll(h);
    loop_remove(h->loop, &h->listener);
    loop_timer(h->loop, &h->retry, NEVER);
    tally_stop(h);
    close(h->listener.fd);
    for (struct member *m = h->members; m; m = m->next)
        wait_abandon(m);
    while (h->members)
        hub_leave(h->members);
    h->dirty = NULL;
    free_gone(h);
    enrich_stop(h);
    directory_free(&h->directory);
    free(h->matches.v);
    free(h->matches.skipped);
    buf_free(&h->scratch);
    buf_free(&h->rest);
    buf_free(&h->headers);
    buf_free(&h->more);
}

void hub_print_counters(struct hub *h)
{
    struct counter c[HUB_COUNTERS + 4];
    uint64_t queued = 0;
    for (const struct member *m = h->members; m; m = m->next)
        queued += m->queue.len;
    memcpy(c, h->counters, sizeof h->counters);
    c[HUB_COUNTERS] = (struct counter){"members", h->n_members};
    c[HUB_COUNTERS + 1] = (struct counter){"waits", h->n_waits};
    c[HUB_COUNTERS + 2] = (struct counter){"queued_bytes", queued};
    c[HUB_COUNTERS + 3] = (struct counter){"held", h->n_held};
    counters_print(c, HUB_COUNTERS + 4);
}
