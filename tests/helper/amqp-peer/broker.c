#include "broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <proton/condition.h>
#include <proton/connection.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/sasl.h>
#include <proton/session.h>
#include <proton/terminus.h>

#include "load.h"
#include "queue.h"
#include "record.h"
#include "times.h"
#include "wire.h"
#include "base/log.h"

#include "base/banned.h"

/* Bytes a session may have unsent: enough for a full pipe, little enough to keep memory flat. */
enum { SESSION_BYTES = 256 * 1024, PEER_SIZE = INET_ADDRSTRLEN + 8 };

struct counts {
    uint64_t sent, transfers, accepted, rejected, released, modified, presettled, received, dead;
};

/* A queue, and the consumers that take turns at it. */
struct address {
    struct address *next;
    char *name;
    struct messages waiting;
    size_t unsettled;
    struct counts counts;
    struct times times;
    struct load load;
    uint64_t to_make, to_make_at_start, rate;
    msec since; /* of the first consumer, for the rate; 0 before */
    struct timer pace;
    struct link *turn; /* one of a ring */
    size_t links;
};

struct client {
    struct client *next;
    struct wire wire;
    unsigned number;
    bool closed; /* the client's close has come */
    size_t requeued;
};

/* The context of a pn_link_t of a consumer; gone (context NULL) as soon as either side ended the link. */
struct link {
    struct link *next, *prev;
    pn_link_t *pn;
    struct address *from;
    struct client *client;
};

static const struct broker_settings *set;
static struct watch listener;
static struct address *addresses;
static struct client *clients;
static unsigned last_client;
static uint64_t last_message;
static bool closing;

static struct client *client_of(pn_connection_t *c)
{
    return pn_connection_get_context(c);
}

static struct client *link_client(pn_link_t *pn)
{
    return client_of(pn_session_connection(pn_link_session(pn)));
}

/* --- addresses ------------------------------------------------------------------------------------------- */

static void on_pace(struct timer *t);

static struct address *address_get(struct slice name)
{
    struct address **at = &addresses;
    while (*at && !slice_eq(slice_str((*at)->name), name))
        at = &(*at)->next;
    if (!*at) {
        *at = xcalloc(1, sizeof(**at));
        (*at)->name = xstrndup(name.p, name.len);
        (*at)->pace = (struct timer){.at = NEVER, .fire = on_pace, .arg = *at};
    }
    return *at;
}

static struct message *address_make(struct address *a)
{
    uint64_t n = ++last_message;
    struct header h = HEADER_DEFAULT;
    h.first_acquirer = true;
    a->to_make--;
    return message_new(n, load_make(&a->load, n), h);
}

static bool address_ready(const struct address *a)
{
    return a->waiting.head || (a->to_make && !a->rate);
}

static struct message *address_take(struct address *a)
{
    return a->waiting.head ? messages_take(&a->waiting) : address_make(a);
}

/* A load with a rate comes whether or not anybody takes it, once somebody was there. */
static void on_pace(struct timer *t)
{
    struct address *a = t->arg;
    msec now = clock_ms();
    if (!a->to_make)
        return;
    uint64_t due = (uint64_t)(now - a->since) * a->rate / 1000;
    while (a->to_make && a->to_make_at_start - a->to_make < due)
        messages_push(&a->waiting, address_make(a));
    loop_timer(set->loop, t, now + (a->rate < 1000 ? 1000 / (msec)a->rate : 1));
}

static void start_pace(struct address *a)
{
    if (!a->rate || a->since || !a->links)
        return;
    a->since = clock_ms();
    loop_timer(set->loop, &a->pace, a->since);
}

void broker_message(struct slice address, struct slice encoded, struct header h, bool settled)
{
    struct message *m = message_new(++last_message, encoded, h);
    m->header.first_acquirer = true;
    m->settled = settled;
    messages_push(&address_get(address)->waiting, m);
}

int broker_generate(struct slice address, uint64_t count, uint64_t bytes, uint64_t rate)
{
    struct address *a = address_get(address);
    if (a->to_make)
        return -1;
    buf_free(&a->load.encoded);
    load_init_form(&a->load, set->form, bytes);
    a->to_make = a->to_make_at_start = count;
    a->rate = rate;
    a->since = 0;
    start_pace(a);
    return 0;
}

/* --- sending --------------------------------------------------------------------------------------------- */

static void cut(struct client *c, pn_link_t *pn, const struct fault *f);

static void count_passed(pn_link_t *pn, const char *address)
{
    struct fault *f = fault_passed(address);
    if (f) {
        cut(link_client(pn), pn, f);
        fault_free(f);
    }
}

static void record_sent(const struct link *l, const struct message *m, const char *tag, bool settled)
{
    struct buf *b = record_begin(LOUD_ALL, "sent", l->client->number);
    if (!b)
        return;
    record_number(b, "n", m->n);
    record_text(b, "address", l->from->name);
    record_text(b, "tag", tag);
    record_number(b, "delivery_count", m->header.delivery_count);
    record_bool(b, "first_acquirer", m->header.first_acquirer);
    record_bool(b, "settled", settled);
    record_end(b, "}");
}

static bool link_can_send(const struct link *l)
{
    const struct wire *w = &l->client->wire;
    return pn_link_credit(l->pn) > 0 && !w->drop && !w->frozen &&
           pn_session_outgoing_bytes(pn_link_session(l->pn)) < SESSION_BYTES;
}

static size_t tag_text(char *dst, uint64_t n)
{
    char digits[20];
    size_t len = 0;
    do
        digits[len++] = (char)('0' + n % 10);
    while (n /= 10);
    for (size_t i = 0; i < len; i++)
        dst[i] = digits[len - 1 - i];
    dst[len] = '\0';
    return len;
}

static void link_send(struct link *l, struct message *m)
{
    struct counts *counts = &l->from->counts;
    char header[HEADER_MAX], tag[24];
    bool settled = m->settled || pn_link_remote_snd_settle_mode(l->pn) == PN_SND_SETTLED;
    pn_delivery_t *d = pn_delivery(l->pn, pn_dtag(tag, tag_text(tag, m->n)));
    pn_link_send(l->pn, header, header_put(header, &m->header));
    pn_link_send(l->pn, m->bytes, m->len);
    pn_link_advance(l->pn);
    record_sent(l, m, tag, settled);
    counts->sent += m->header.first_acquirer;
    counts->transfers++;
    m->header.first_acquirer = false;
    l->client->wire.due = true;
    if (settled) {
        counts->presettled++;
        pn_delivery_settle(d);
        message_free(m);
    } else {
        l->from->unsettled++;
        m->sent_us = times_now_us();
        pn_delivery_set_context(d, m);
    }
    count_passed(l->pn, l->from->name);
}

static void answer_drains(struct address *a)
{
    struct link *l = a->turn;
    for (size_t i = 0; i < a->links; i++, l = l->next)
        if (pn_link_get_drain(l->pn) && pn_link_credit(l->pn) > 0 && pn_link_drained(l->pn) > 0)
            l->client->wire.due = true;
}

/* Consumers take turns, message by message. A cut may take links away while we are at it. */
static void address_pump(struct address *a)
{
    size_t unable = 0;
    while (unable < a->links && address_ready(a)) {
        struct link *l = a->turn;
        a->turn = l->next;
        if (link_can_send(l)) {
            link_send(l, address_take(a));
            unable = 0;
        } else {
            unable++;
        }
    }
    if (!address_ready(a))
        answer_drains(a);
}

/* --- settlement ------------------------------------------------------------------------------------------ */

static const char *outcome_name(uint64_t state)
{
    switch (state) {
    case PN_ACCEPTED: return "accepted";
    case PN_REJECTED: return "rejected";
    case PN_RELEASED: return "released";
    case PN_MODIFIED: return "modified";
    default: return "none";
    }
}

static void record_condition(struct buf *b, pn_condition_t *condition)
{
    if (pn_condition_is_set(condition)) {
        record_text(b, "condition", pn_condition_get_name(condition));
        record_text(b, "description", pn_condition_get_description(condition));
    }
}

static void record_disposition(const struct link *l, const struct message *m, pn_delivery_t *d)
{
    pn_disposition_t *remote = pn_delivery_remote(d);
    uint64_t state = pn_disposition_type(remote);
    struct buf *b = record_begin(LOUD_DISPOSITIONS, "disposition", l->client->number);
    if (!b)
        return;
    record_number(b, "n", m->n);
    record_text(b, "address", l->from->name);
    record_text(b, "outcome", outcome_name(state));
    if (state == PN_MODIFIED) {
        record_bool(b, "failed", pn_disposition_is_failed(remote));
        record_bool(b, "undeliverable", pn_disposition_is_undeliverable(remote));
    }
    if (state == PN_REJECTED)
        record_condition(b, pn_disposition_condition(remote));
    record_number(b, "delivery_count", m->header.delivery_count);
    record_end(b, "}");
}

static void bury(struct address *a, struct message *m)
{
    a->counts.dead++;
    message_free(m);
}

static void settle(struct address *a, struct message *m, pn_disposition_t *remote)
{
    a->unsettled--;
    switch (pn_disposition_type(remote)) {
    case PN_ACCEPTED:
        a->counts.accepted++;
        times_add(&a->times, m->sent_us);
        message_free(m);
        break;
    case PN_REJECTED:
        a->counts.rejected++;
        bury(a, m);
        break;
    case PN_MODIFIED:
        a->counts.modified++;
        m->header.delivery_count += pn_disposition_is_failed(remote);
        if (pn_disposition_is_undeliverable(remote))
            bury(a, m);
        else
            messages_put_back(&a->waiting, m);
        break;
    default:
        a->counts.released++;
        messages_put_back(&a->waiting, m);
        break;
    }
}

static void on_outgoing(pn_delivery_t *d)
{
    struct link *l = pn_link_get_context(pn_delivery_link(d));
    struct message *m = pn_delivery_get_context(d);
    uint64_t state = pn_delivery_remote_state(d);
    bool settled = pn_delivery_settled(d);
    if (!l || !m) {
        if (settled)
            pn_delivery_settle(d);
        return;
    }
    if (!settled && (state == 0 || state == PN_RECEIVED))
        return;
    record_disposition(l, m, d);
    if (state == PN_MODIFIED && modes.no_modified) {
        struct fault f = {
            .how = CUT_END, .condition = "amqp:invalid-field", .description = "Unrecognised state"};
        cut(l->client, l->pn, &f);
        return;
    }
    settle(l->from, m, pn_delivery_remote(d));
    pn_delivery_set_context(d, NULL);
    if (!settled)
        pn_delivery_update(d, state);
    pn_delivery_settle(d);
}

/* --- receiving ------------------------------------------------------------------------------------------- */

static const char *target_of(pn_link_t *pn)
{
    const char *address = pn_terminus_get_address(pn_link_target(pn));
    return address ? address : "";
}

static void record_message(pn_link_t *pn, const char *address, struct slice encoded, const struct header *h)
{
    struct buf *b = record_begin(LOUD_ALL, "message", link_client(pn)->number);
    if (!b)
        return;
    record_number(b, "n", last_message);
    record_text(b, "address", address);
    record_bool(b, "settled", pn_delivery_settled(pn_link_current(pn)));
    record_bool(b, "durable", h->durable);
    record_number(b, "delivery_count", h->delivery_count);
    if (message_to_json(b, encoded) != 0)
        record_text(b, "body", "undecodable");
    record_end(b, "}");
}

static void settle_received(pn_delivery_t *d, const struct answer *a)
{
    pn_disposition_t *local = pn_delivery_local(d);
    if (a) {
        pn_disposition_set_failed(local, a->failed);
        pn_disposition_set_undeliverable(local, a->undeliverable);
        if (a->condition)
            pn_condition_set_name(pn_disposition_condition(local), a->condition);
        if (a->description)
            pn_condition_set_description(pn_disposition_condition(local), a->description);
    }
    pn_delivery_update(d, a ? a->outcome : PN_ACCEPTED);
    pn_delivery_settle(d);
}

/* Keeps it, unless the answer is another one than accepted. */
static void take_message(pn_link_t *pn, pn_delivery_t *d, struct slice whole)
{
    struct buf to = {0};
    struct header h;
    struct slice encoded = slice_skip(whole, header_get(whole, &h));
    if (*target_of(pn))
        buf_puts(&to, target_of(pn));
    else
        message_to(&to, encoded);
    const struct answer *a = fault_answer(buf_z(&to));
    struct address *address = address_get(buf_slice(&to));
    address->counts.received++;
    if (!a || a->outcome == PN_ACCEPTED)
        broker_message(buf_slice(&to), encoded, h, false);
    record_message(pn, address->name, encoded, &h);
    pn_link_advance(pn);
    if (!modes.never_settle)
        settle_received(d, a);
    buf_free(&to);
    count_passed(pn, address->name);
}

static void on_incoming(pn_delivery_t *d)
{
    static struct buf whole;
    pn_link_t *pn = pn_delivery_link(d);
    if (!pn_delivery_readable(d)) {
        if (pn_delivery_settled(d))
            pn_delivery_settle(d);
        return;
    }
    /* in a window that is smaller than a message it comes only as far as it is taken; then from one link at a time */
    if (pn_delivery_partial(d) && !set->frame_bytes)
        return;
    size_t size = pn_delivery_pending(d);
    ssize_t n = pn_link_recv(pn, buf_room(&whole, size), size);
    buf_added(&whole, n > 0 ? (size_t)n : 0);
    if (pn_delivery_partial(d))
        return;
    take_message(pn, d, buf_slice(&whole));
    buf_reset(&whole, SESSION_BYTES);
    int credit = (int)set->credit;
    if (!modes.no_credit && !pn_link_get_drain(pn) && pn_link_credit(pn) <= credit / 2)
        pn_link_flow(pn, credit - pn_link_credit(pn));
}

/* --- links ----------------------------------------------------------------------------------------------- */

static const char *settle_mode_name(pn_link_t *pn)
{
    switch (pn_link_remote_snd_settle_mode(pn)) {
    case PN_SND_UNSETTLED: return "unsettled";
    case PN_SND_SETTLED: return "settled";
    default: return "mixed";
    }
}

static pn_terminus_t *remote_terminus(pn_link_t *pn)
{
    return pn_link_is_sender(pn) ? pn_link_remote_source(pn) : pn_link_remote_target(pn);
}

static void record_outcomes(struct buf *b, pn_data_t *outcomes)
{
    json_put_key(b, S("outcomes"));
    buf_putc(b, '[');
    pn_data_rewind(outcomes);
    pn_data_next(outcomes);
    if (pn_data_type(outcomes) == PN_ARRAY)
        pn_data_enter(outcomes), pn_data_next(outcomes);
    for (bool more = pn_data_type(outcomes) == PN_SYMBOL; more; more = pn_data_next(outcomes)) {
        pn_bytes_t symbol = pn_data_get_symbol(outcomes);
        json_put_item(b);
        json_put_text(b, slice_of(symbol.start, symbol.size));
    }
    buf_putc(b, ']');
}

static void record_attach(pn_link_t *pn, const char *address, bool refused)
{
    struct buf *b = record_begin(LOUD_ALL, "attach", link_client(pn)->number);
    if (!b)
        return;
    record_text(b, "link", pn_link_name(pn));
    record_text(b, "role", pn_link_is_sender(pn) ? "receiver" : "sender");
    record_text(b, "address", address);
    record_outcomes(b, pn_terminus_outcomes(pn_link_remote_source(pn)));
    record_text(b, "settle_mode", settle_mode_name(pn));
    record_bool(b, "durable", pn_terminus_get_durability(remote_terminus(pn)) != PN_NONDURABLE);
    record_number(b, "max_message_size", pn_link_remote_max_message_size(pn));
    if (refused)
        record_bool(b, "refused", true);
    record_end(b, "}");
}

static void offer_outcomes(pn_data_t *data)
{
    static const char *const names[] = {"amqp:accepted:list", "amqp:rejected:list", "amqp:released:list",
                                        "amqp:modified:list"};
    pn_data_clear(data);
    pn_data_put_array(data, false, PN_SYMBOL);
    pn_data_enter(data);
    for (int i = 0; i < (modes.no_modified ? 3 : 4); i++)
        pn_data_put_symbol(data, pn_bytes(strlen(names[i]), names[i]));
    pn_data_exit(data);
}

static void link_join(pn_link_t *pn, const char *address)
{
    struct link *l = xcalloc(1, sizeof(*l));
    struct address *a = address_get(slice_str(address));
    *l = (struct link){.next = l, .prev = l, .pn = pn, .from = a, .client = link_client(pn)};
    if (a->turn) {
        l->next = a->turn;
        l->prev = a->turn->prev;
        l->prev->next = l->next->prev = l;
    } else {
        a->turn = l;
    }
    a->links++;
    pn_link_set_context(pn, l);
    start_pace(a);
}

/* What it held unsettled stands in the queue again; late dispositions find no context. Returns how many. */
static size_t link_leave(pn_link_t *pn)
{
    struct link *l = pn_link_get_context(pn);
    size_t n = 0;
    if (!l)
        return 0;
    struct message **held = xmalloc((size_t)pn_link_unsettled(pn) * sizeof(*held) + 1);
    for (pn_delivery_t *d = pn_unsettled_head(pn); d; d = pn_unsettled_next(d)) {
        if (pn_delivery_get_context(d))
            held[n++] = pn_delivery_get_context(d);
        pn_delivery_set_context(d, NULL);
    }
    l->from->unsettled -= n;
    messages_put_all_back(&l->from->waiting, held, n);
    l->next->prev = l->prev;
    l->prev->next = l->next;
    l->from->turn = --l->from->links ? l->next : NULL;
    pn_link_set_context(pn, NULL);
    free(held);
    free(l);
    return n;
}

/* Every link of a connection (session NULL) or session. */
static size_t links_leave(struct client *c, pn_session_t *session)
{
    size_t n = 0;
    for (pn_link_t *pn = pn_link_head(wire_connection(&c->wire), 0); pn; pn = pn_link_next(pn, 0))
        if (!session || pn_link_session(pn) == session)
            n += link_leave(pn);
    return n;
}

static void put_info(pn_data_t *info, const char *key, const char *value, size_t len)
{
    pn_data_put_symbol(info, pn_bytes(strlen(key), key));
    pn_data_put_string(info, pn_bytes(len, value));
}

/* AMQP 1.0 part 2, 2.8.16 and 2.8.18. */
static void set_redirect(pn_data_t *info, const char *to)
{
    const char *colon = strrchr(to, ':');
    size_t host = colon ? (size_t)(colon - to) : strlen(to);
    pn_data_put_map(info);
    pn_data_enter(info);
    put_info(info, "hostname", to, host);
    put_info(info, "network-host", to, host);
    pn_data_put_symbol(info, pn_bytes(4, "port"));
    pn_data_put_int(info, colon ? (int)strtol(colon + 1, NULL, 10) : 0);
    put_info(info, "address", "elsewhere", 9);
    pn_data_exit(info);
}

static void set_condition(pn_condition_t *to, const struct fault *f, const char *otherwise)
{
    pn_condition_set_name(to, f->condition ? f->condition : otherwise);
    if (f->description)
        pn_condition_set_description(to, f->description);
    if (f->redirect)
        set_redirect(pn_condition_info(to), f->redirect);
}

static void cut(struct client *c, pn_link_t *pn, const struct fault *f)
{
    pn_connection_t *connection = wire_connection(&c->wire);
    switch (f->how) {
    case CUT_DETACH:
        set_condition(pn_link_condition(pn), f, "amqp:link:detach-forced");
        link_leave(pn);
        pn_link_close(pn);
        break;
    case CUT_END:
        set_condition(pn_session_condition(pn_link_session(pn)), f, "amqp:internal-error");
        links_leave(c, pn_link_session(pn));
        pn_session_close(pn_link_session(pn));
        break;
    case CUT_CLOSE:
        set_condition(pn_connection_condition(connection), f, "amqp:connection:forced");
        links_leave(c, NULL);
        pn_connection_close(connection);
        break;
    case CUT_DROP: c->wire.drop = true; break;
    }
    c->wire.due = true;
}

static const struct fault *refusal_of(pn_link_t *pn, const char *address)
{
    static const struct fault transactions = {.how = CUT_DETACH, .condition = "amqp:not-implemented"};
    return pn_terminus_get_type(remote_terminus(pn)) == PN_COORDINATOR ? &transactions
                                                                       : fault_refusal(address);
}

/* As part 2, 2.6.3 has it: an attach without the terminus that cannot be, then the detach. */
static void refuse(pn_link_t *pn, const struct fault *f)
{
    struct fault with = *f;
    if (!with.condition)
        with.condition = "amqp:not-found";
    pn_link_open(pn);
    cut(link_client(pn), pn, &with);
}

static void on_attach(pn_link_t *pn)
{
    const char *named = pn_terminus_get_address(remote_terminus(pn));
    const char *address = named ? named : "";
    const struct fault *refusal = refusal_of(pn, address);
    record_attach(pn, address, refusal);
    if (refusal) {
        refuse(pn, refusal);
        return;
    }
    pn_terminus_copy(pn_link_source(pn), pn_link_remote_source(pn));
    pn_terminus_copy(pn_link_target(pn), pn_link_remote_target(pn));
    pn_link_set_snd_settle_mode(pn, pn_link_remote_snd_settle_mode(pn));
    pn_link_set_rcv_settle_mode(pn, pn_link_remote_rcv_settle_mode(pn));
    offer_outcomes(pn_terminus_outcomes(pn_link_source(pn)));
    if (set->max_message_bytes)
        pn_link_set_max_message_size(pn, set->max_message_bytes);
    pn_link_open(pn);
    if (pn_link_is_sender(pn))
        link_join(pn, address);
    else if (!modes.no_credit)
        pn_link_flow(pn, (int)set->credit);
}

static void on_flow(pn_link_t *pn)
{
    bool drained = pn_link_is_receiver(pn) && pn_link_get_drain(pn) && pn_link_credit(pn) == 0;
    struct buf *b = NULL;
    if (pn_link_is_sender(pn) || drained)
        b = record_begin(LOUD_ALL, drained ? "drained" : "credit", link_client(pn)->number);
    if (!b)
        return;
    record_text(b, "link", pn_link_name(pn));
    record_text(b, "address", pn_terminus_get_address(remote_terminus(pn)));
    if (!drained) {
        record_number(b, "credit", (uint64_t)pn_link_credit(pn));
        record_bool(b, "drain", pn_link_get_drain(pn));
    }
    record_end(b, "}");
}

/* --- connections ----------------------------------------------------------------------------------------- */

static void record_ended(const char *event, struct client *c, pn_condition_t *condition, const char *address)
{
    struct buf *b = record_begin(LOUD_ALL, event, c->number);
    if (!b)
        return;
    record_text(b, "address", address);
    record_condition(b, condition);
    record_end(b, "}");
}

static void on_open(struct client *c)
{
    pn_connection_t *connection = wire_connection(&c->wire);
    struct buf *b = record_begin(LOUD_ALL, "open", c->number);
    if (b) {
        record_text(b, "container", pn_connection_remote_container(connection));
        record_text(b, "hostname", pn_connection_remote_hostname(connection));
        record_text(b, "user", pn_transport_get_user(wire_transport(&c->wire)));
        record_number(b, "idle_timeout", pn_transport_get_remote_idle_timeout(wire_transport(&c->wire)));
        record_end(b, "}");
    }
    pn_connection_set_container(connection, "amqp-peer");
    if (set->relay)
        pn_data_put_symbol(pn_connection_offered_capabilities(connection), pn_bytes(15, "ANONYMOUS-RELAY"));
    if (!modes.no_open)
        pn_connection_open(connection);
}

static void on_link_end(struct client *c, pn_link_t *pn)
{
    record_ended("detach", c, pn_link_remote_condition(pn), pn_terminus_get_address(remote_terminus(pn)));
    link_leave(pn);
    pn_link_close(pn);
    pn_link_free(pn);
}

static void on_session_end(struct client *c, pn_session_t *session)
{
    record_ended("end", c, pn_session_remote_condition(session), NULL);
    links_leave(c, session);
    pn_session_close(session);
    pn_session_free(session);
}

static void on_close(struct client *c)
{
    pn_connection_t *connection = wire_connection(&c->wire);
    record_ended("close", c, pn_connection_remote_condition(connection), NULL);
    c->closed = true;
    links_leave(c, NULL);
    pn_connection_close(connection);
}

static void on_event(struct wire *w, pn_event_t *e)
{
    struct client *c = client_of(wire_connection(w));
    pn_delivery_t *d = pn_event_delivery(e);
    switch (pn_event_type(e)) {
    case PN_CONNECTION_REMOTE_OPEN: on_open(c); break;
    case PN_SESSION_REMOTE_OPEN:
        if (set->frame_bytes)
            pn_session_set_incoming_capacity(pn_event_session(e), 4 * set->frame_bytes);
        pn_session_open(pn_event_session(e));
        break;
    case PN_LINK_REMOTE_OPEN: on_attach(pn_event_link(e)); break;
    case PN_LINK_FLOW: on_flow(pn_event_link(e)); break;
    case PN_DELIVERY: pn_link_is_sender(pn_event_link(e)) ? on_outgoing(d) : on_incoming(d); break;
    case PN_LINK_REMOTE_DETACH:
    case PN_LINK_REMOTE_CLOSE: on_link_end(c, pn_event_link(e)); break;
    case PN_SESSION_REMOTE_CLOSE: on_session_end(c, pn_event_session(e)); break;
    case PN_CONNECTION_REMOTE_CLOSE: on_close(c); break;
    default: break;
    }
}

static void on_fill(struct wire *w)
{
    for (pn_link_t *pn = pn_link_head(wire_connection(w), 0); pn; pn = pn_link_next(pn, 0)) {
        struct link *l = pn_link_get_context(pn);
        if (l)
            address_pump(l->from);
    }
}

static void on_gone(struct wire *w)
{
    struct client *c = client_of(wire_connection(w));
    struct client **at = &clients;
    size_t requeued = links_leave(c, NULL);
    struct buf *b = c->closed ? NULL : record_begin(LOUD_ALL, "lost", c->number);
    if (b) {
        record_condition(b, pn_transport_condition(wire_transport(w)));
        record_number(b, "requeued", requeued);
        record_end(b, "}");
    }
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    wire_end(w);
    free(c);
}

static void add_client(int fd, const struct sockaddr_in *from)
{
    struct client *c = xcalloc(1, sizeof(*c));
    char peer[PEER_SIZE];
    c->number = ++last_client;
    c->wire = (struct wire){.loop = set->loop, .event = on_event, .fill = on_fill, .gone = on_gone};
    wire_init(&c->wire, fd);
    c->wire.deaf = modes.deaf;
    c->wire.frozen = modes.frozen;
    pn_connection_set_context(wire_connection(&c->wire), c);
    login_serve(wire_transport(&c->wire), &set->login);
    /* proton announces half of it */
    if (set->frame_bytes)
        pn_transport_set_max_frame(wire_transport(&c->wire), (uint32_t)set->frame_bytes);
    pn_transport_set_idle_timeout(wire_transport(&c->wire), (pn_millis_t)(2 * set->idle_ms));
    wire_start(&c->wire);
    c->next = clients;
    clients = c;
    struct buf *b = record_begin(LOUD_ALL, "accept", c->number);
    if (b) {
        inet_ntop(AF_INET, &from->sin_addr, peer, sizeof(peer));
        json_put_key(b, S("peer"));
        buf_printf(b, "\"%s:%u\"", peer, ntohs(from->sin_port));
        record_end(b, "}");
    }
}

static void on_accept(struct watch *w, short revents)
{
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    (void)revents;
    int fd = accept(w->fd, (struct sockaddr *)&from, &size);
    if (fd >= 0)
        add_client(fd, &from);
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        die_sys(EXIT_TEMPORARY, "cannot accept a connection");
}

/* --- the round ------------------------------------------------------------------------------------------- */

static bool turn_due(void)
{
    bool any = false;
    for (struct client *c = clients, *next; c; c = next) {
        next = c->next;
        if (!c->wire.due)
            continue;
        any = true;
        wire_turn(&c->wire);
    }
    return any;
}

static void before_poll(void *arg)
{
    (void)arg;
    do {
        for (struct address *a = addresses; a; a = a->next)
            address_pump(a);
    } while (turn_due());
    set->changed();
    record_flush();
}

void broker_start(const struct broker_settings *settings)
{
    set = settings;
    listener = (struct watch){.fd = set->fd, .events = POLLIN, .ready = on_accept};
    loop_add(set->loop, &listener);
    loop_before_poll(set->loop, before_poll, NULL);
}

/* --- for control lines and the end ----------------------------------------------------------------------- */

static bool link_matches(pn_link_t *pn, const char *address)
{
    const char *own = pn_terminus_get_address(remote_terminus(pn));
    return !address || strcmp(own ? own : "", address) == 0;
}

static bool active(pn_state_t state)
{
    return state & PN_LOCAL_ACTIVE;
}

/* Is there still something to end for this cut? One END takes all links of a session with it, and so on. */
static bool cuttable(const struct client *c, pn_link_t *pn, enum cut how)
{
    return active(pn_link_state(pn)) &&
           (how == CUT_DETACH || active(pn_session_state(pn_link_session(pn)))) &&
           active(pn_connection_state(c->wire.driver.connection));
}

void broker_cut(const struct fault *f)
{
    for (struct client *c = clients; c; c = c->next) {
        if (!f->address && f->how >= CUT_CLOSE) {
            cut(c, NULL, f);
            continue;
        }
        for (pn_link_t *pn = pn_link_head(wire_connection(&c->wire), 0); pn; pn = pn_link_next(pn, 0))
            if (link_matches(pn, f->address) && cuttable(c, pn, f->how))
                cut(c, pn, f);
    }
}

void broker_apply_modes(void)
{
    for (struct client *c = clients; c; c = c->next) {
        c->wire.deaf = modes.deaf;
        c->wire.frozen = modes.frozen;
        c->wire.due = true;
    }
}

/* Calls act for each producer's link of that address. */
static void each_producer(const char *address, int credit, void (*act)(pn_link_t *pn, int credit))
{
    for (struct client *c = clients; c; c = c->next)
        for (pn_link_t *pn = pn_link_head(wire_connection(&c->wire), 0); pn; pn = pn_link_next(pn, 0)) {
            if (pn_link_is_receiver(pn) && active(pn_link_state(pn)) && link_matches(pn, address))
                act(pn, credit);
            c->wire.due = true;
        }
}

static void give_credit(pn_link_t *pn, int credit)
{
    pn_link_set_drain(pn, false);
    pn_link_flow(pn, credit);
}

void broker_credit(const char *address, int credit)
{
    each_producer(address, credit, give_credit);
}

void broker_drain(const char *address)
{
    each_producer(address, 0, pn_link_drain);
}

bool broker_done(void)
{
    for (struct address *a = addresses; a; a = a->next)
        if (a->waiting.count || a->unsettled || a->to_make)
            return false;
    return last_message > 0;
}

void broker_close(void)
{
    const struct fault f = {.how = CUT_CLOSE};
    if (closing)
        return;
    closing = true;
    loop_remove(set->loop, &listener);
    close(listener.fd);
    for (struct client *c = clients; c; c = c->next) {
        if (c->wire.frozen || c->wire.deaf)
            wire_abort(&c->wire);
        else
            cut(c, NULL, &f);
    }
}

bool broker_empty(void)
{
    return !clients;
}

static void put_summary(const char *name, const struct counts *n, size_t queued)
{
    struct buf *b = record_plain();
    buf_puts(b, "{\"summary\":{");
    name ? record_text(b, "address", name) : json_put_member(b, S("address"), S("null"));
    record_number(b, "sent", n->sent);
    record_number(b, "transfers", n->transfers);
    record_number(b, "accepted", n->accepted);
    record_number(b, "rejected", n->rejected);
    record_number(b, "released", n->released);
    record_number(b, "modified", n->modified);
    record_number(b, "presettled", n->presettled);
    record_number(b, "received", n->received);
    record_number(b, "queued", queued);
    record_number(b, "dead", n->dead);
    record_end(b, "}}");
}

void broker_summaries(void)
{
    const struct counts none = {0};
    for (struct address *a = addresses; a; a = a->next)
        put_summary(a->name, &a->counts, a->waiting.count + a->unsettled + a->to_make);
    if (!addresses)
        put_summary(NULL, &none, 0);
    record_flush();
}

void broker_times(void)
{
    for (struct address *a = addresses; a; a = a->next)
        times_print(&a->times, a->name);
    record_flush();
}
