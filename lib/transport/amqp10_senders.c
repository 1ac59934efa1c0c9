#include "transport/amqp10_senders.h"

#include <proton/link.h>
#include <stdlib.h>

#include "base/log.h"

#include "base/banned.h"

enum { LINKS_MAX = 64 };

/* --- the list ---------------------------------------------------------------------------------------------------- */

static void unlink_sender(struct senders *all, struct sender *s)
{
    *(s->newer ? &s->newer->older : &all->newest) = s->older;
    *(s->older ? &s->older->newer : &all->oldest) = s->newer;
}

static void put_first(struct senders *all, struct sender *s)
{
    s->newer = NULL;
    s->older = all->newest;
    *(s->older ? &s->older->newer : &all->oldest) = s;
    all->newest = s;
}

struct sender *senders_find(struct senders *all, struct slice address, bool anonymous)
{
    for (struct sender *s = all->newest; s; s = s->older)
        if (s->anonymous == anonymous && (anonymous || slice_eq(buf_slice(&s->address), address)))
            return s;
    return NULL;
}

/* --- links ------------------------------------------------------------------------------------------------------- */

static void attach(struct senders *all, struct sender *s)
{
    struct buf name = {0};
    buf_printf(&name, "%.*s-out-%zu-%.*s", SLICE_ARG(all->name), all->made++,
               SLICE_ARG(buf_slice(&s->address)));
    s->link = pn_sender(all->session, buf_z(&name));
    buf_free(&name);
    pn_link_set_context(s->link, s);
    if (s->anonymous)
        pn_terminus_set_type(pn_link_target(s->link), PN_TARGET);
    else
        amqp10_set_address(pn_link_target(s->link), buf_slice(&s->address));
    pn_terminus_set_type(pn_link_source(s->link), PN_SOURCE);
    pn_link_set_snd_settle_mode(s->link, all->presettled ? PN_SND_SETTLED : PN_SND_UNSETTLED);
    pn_link_set_rcv_settle_mode(s->link, PN_RCV_FIRST);
    pn_link_open(s->link);
}

static bool is_idle(const struct sender *s)
{
    return s->target < 0 && !s->anonymous && s->state == ATTACHED && s->unsettled == 0 && s->rest.len == 0;
}

/* Makes room for one more; false: all are busy. */
static bool make_room(struct senders *all)
{
    struct sender *s = all->oldest;
    if (all->n < LINKS_MAX)
        return true;
    while (s && !is_idle(s))
        s = s->newer;
    if (!s)
        return false;
    info("the link to '%s' is given up: others are used more", transport_shown(buf_slice(&s->address)));
    senders_drop(all, s);
    return true;
}

struct sender *senders_get(struct senders *all, struct slice address, bool anonymous, int target)
{
    struct sender *s = senders_find(all, address, anonymous);
    if (s) {
        if (s != all->newest) {
            unlink_sender(all, s);
            put_first(all, s);
        }
        return s;
    }
    if (target < 0 && !make_room(all))
        return NULL;
    s = xcalloc(1, sizeof *s);
    s->target = target;
    s->anonymous = anonymous;
    if (!anonymous)
        buf_put_slice(&s->address, address);
    put_first(all, s);
    all->n++;
    attach(all, s);
    return s;
}

void senders_drop(struct senders *all, struct sender *s)
{
    if (s->link) {
        pn_link_set_context(s->link, NULL);
        pn_link_close(s->link);
    }
    unlink_sender(all, s);
    all->n--;
    buf_free(&s->address);
    buf_free(&s->rest);
    free(s);
}

void senders_free(struct senders *all)
{
    while (all->newest) {
        all->newest->link = NULL; /* the connection's, which may be gone */
        senders_drop(all, all->newest);
    }
}
