/* amqp-cat: sends to or receives from one AMQP 1.0 address; fills brokers and empties them in tests.
 *
 *   amqp-cat -p PORT send [ADDRESS] < NDJSON        lines as amqp-peer/message.h has them
 *   amqp-cat -p PORT -g COUNT,ADDRESS,BYTES[,RATE] send    the load of amqp-peer/load.h (RATE is ignored: it floods)
 *   amqp-cat -p PORT [-o OUTCOME] recv ADDRESS [COUNT]     COUNT 0 or nothing: until TERM or -t
 *
 * Options may follow operands. Records on stdout:
 *   send: {"n","outcome"[,"failed","undeliverable","condition","description"]} for each message as it is settled (n
 *         counts from 1 in the order of sending; "presettled" if the line said "settled"), at the end
 *         {"summary":{"sent","accepted","rejected","released","modified","presettled"}}
 *   recv: {"n","tag","durable","ttl","first_acquirer","delivery_count","settled", members of message.h} for each
 *         message, at the end {"summary":{"received"}}
 * -Q prints only the summary; -v logs the rate. Lines of send go to ADDRESS, whatever "address" they carry; without
 * ADDRESS to the address that the first line names. Many may be under way: as credit allows.
 *
 * recv settles each message with OUTCOME: accepted (default), rejected, released, modified (delivery-failed),
 * undeliverable (modified, undeliverable-here), none (leaves it unsettled). -c CREDIT (500) are outstanding at most. A
 * message of the sender's that came settled is only counted. Nothing is taken beyond COUNT. -u ends when the address is
 * empty: it drains (RabbitMQ 3.10 cannot). -D makes the terminus durable, and the messages of -g (RabbitMQ: a durable
 * queue; the same for send and recv).
 *
 * With $AMQP_USER set it logs in with SASL PLAIN as that user and $AMQP_PASSWORD, else ANONYMOUS.
 *
 * Exit: 0 all done (send: all accepted or pre-settled; recv with TERM too), 1 a message was not accepted, 99 not done
 * within -t SECONDS, 100 bad usage or input, refused link or login, 111 no connection or it was lost. */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
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
#include <proton/transport.h>

#include "amqp-peer/load.h"
#include "amqp-peer/message.h"
#include "amqp-peer/record.h"
#include "amqp-peer/wire.h"
#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/scan.h"

#include "base/banned.h"

enum { SESSION_BYTES = 256 * 1024, MAX_OPERANDS = 3, PARTING_MS = 1000, KEEP_BYTES = 1024 * 1024 };

static struct {
    unsigned long port, credit, seconds;
    const char *load, *outcome;
    bool quiet, durable, until_empty;
} opts = {.credit = 500, .outcome = "accepted"};

static const struct opt table[] = {
    {'p', "PORT", "connect to 127.0.0.1:PORT", OPT_NUMBER, &opts.port, 1, 65535},
    {'g', "COUNT,ADDRESS,BYTES", "send generated messages", OPT_STRING, &opts.load, 0, 0},
    {'o', "OUTCOME", "settle received messages with it (accepted)", OPT_STRING, &opts.outcome, 0, 0},
    {'c', "CREDIT", "receive at most CREDIT ahead (500)", OPT_NUMBER, &opts.credit, 1, 1000000},
    {'t', "SECONDS", "give up with 99 after SECONDS", OPT_NUMBER, &opts.seconds, 0, 1000000},
    {'D', NULL, "durable terminus and load", OPT_FLAG, &opts.durable, 0, 0},
    {'u', NULL, "receive until the address is empty", OPT_FLAG, &opts.until_empty, 0, 0},
    {'Q', NULL, "print only the summary", OPT_FLAG, &opts.quiet, 0, 0},
    OPT_END,
};

static const struct program program = {
    .name = "amqp-cat",
    .operands = "send [ADDRESS] | recv ADDRESS [COUNT]",
    .summary = "Sends to or receives from one AMQP 1.0 address.",
    .opts = table,
};

static const struct outcome {
    const char *name;
    uint64_t state;
    bool failed, undeliverable;
} outcomes[] = {
    {"accepted", PN_ACCEPTED, false, false},     {"rejected", PN_REJECTED, false, false},
    {"released", PN_RELEASED, false, false},     {"modified", PN_MODIFIED, true, false},
    {"undeliverable", PN_MODIFIED, false, true}, {"none", 0, false, false},
};

static struct loop *loop;
static struct wire wire;
static struct timer deadline;
static pn_link_t *link_;
static bool sending, ending, link_up;
static int exit_code = EXIT_DONE;
static msec since;

static struct {
    struct lines lines;
    struct watch watch;
    unsigned long line_number;
    bool end; /* nothing more to send */
} input;

static struct load load;
static uint64_t load_left;
static char *address;
static const struct outcome *outcome = outcomes;
static uint64_t wanted; /* messages to receive; 0: no end */
static uint64_t sent, settled, granted, received;
static uint64_t presettled, accepted, rejected, released, modified;

/* --- the end --------------------------------------------------------------------------------------------- */

static void finish(int code)
{
    if (ending)
        return;
    ending = true;
    exit_code = code;
    input.watch.off = true;
    loop_timer(loop, &deadline, clock_ms() + PARTING_MS);
    pn_connection_close(wire_connection(&wire));
    wire.due = true;
}

static void on_signal(int signo, void *arg)
{
    (void)signo;
    (void)arg;
    finish(sending && (!input.end || settled < sent) ? EXIT_TEMPORARY : EXIT_DONE);
}

static void on_deadline(struct timer *t)
{
    (void)t;
    if (ending) {
        loop_stop(loop);
        return;
    }
    error("cannot finish within %lu seconds", opts.seconds);
    finish(EXIT_TIMEOUT);
}

/* The peer ended something. What it says about access or names is for good, anything else may pass. */
static void on_trouble(const char *verb, pn_condition_t *condition)
{
    static const char *const permanent[] = {"amqp:unauthorized-access", "amqp:not-found", "amqp:not-allowed",
                                            "amqp:invalid-field", "amqp:precondition-failed"};
    const char *name =
        pn_condition_is_set(condition) ? pn_condition_get_name(condition) : "closed by the peer";
    const char *text = pn_condition_get_description(condition);
    int code = EXIT_TEMPORARY;
    if (ending)
        return;
    for (size_t i = 0; i < sizeof(permanent) / sizeof(*permanent); i++)
        if (strcmp(name, permanent[i]) == 0)
            code = EXIT_PERMANENT;
    error("cannot %s '%s': %s%s%s", verb, address ? address : "", name, text ? ": " : "", text ? text : "");
    finish(code);
}

static void done_sending(void)
{
    if (sending && input.end && !load_left && settled == sent)
        finish(accepted + presettled == sent ? EXIT_DONE : EXIT_NEGATIVE);
}

/* --- sending --------------------------------------------------------------------------------------------- */

static bool can_send(void)
{
    return link_up && !ending && pn_link_credit(link_) > 0 &&
           pn_session_outgoing_bytes(pn_link_session(link_)) < SESSION_BYTES;
}

static void send_one(const struct header *h, struct slice encoded, bool settle)
{
    char header[HEADER_MAX];
    uint64_t n = ++sent;
    pn_delivery_t *d = pn_delivery(link_, pn_dtag((const char *)&n, sizeof(n)));
    pn_link_send(link_, header, header_put(header, h));
    pn_link_send(link_, encoded.p, encoded.len);
    pn_link_advance(link_);
    if (!settle)
        return;
    pn_delivery_settle(d);
    presettled++;
    settled++;
}

static void record_outcome(uint64_t n, pn_disposition_t *remote, const char *name)
{
    struct buf *b = opts.quiet ? NULL : record_plain();
    if (!b)
        return;
    buf_putc(b, '{');
    record_number(b, "n", n);
    record_text(b, "outcome", name);
    if (pn_disposition_type(remote) == PN_MODIFIED) {
        record_bool(b, "failed", pn_disposition_is_failed(remote));
        record_bool(b, "undeliverable", pn_disposition_is_undeliverable(remote));
    }
    record_text(b, "condition", pn_condition_get_name(pn_disposition_condition(remote)));
    record_text(b, "description", pn_condition_get_description(pn_disposition_condition(remote)));
    record_end(b, "}");
}

static void on_settled(pn_delivery_t *d)
{
    pn_disposition_t *remote = pn_delivery_remote(d);
    const char *name = "none";
    uint64_t n;
    if (!pn_delivery_settled(d) &&
        (pn_disposition_type(remote) == 0 || pn_disposition_type(remote) == PN_RECEIVED))
        return;
    switch (pn_disposition_type(remote)) {
    case PN_ACCEPTED: name = "accepted", accepted++; break;
    case PN_REJECTED: name = "rejected", rejected++; break;
    case PN_RELEASED: name = "released", released++; break;
    case PN_MODIFIED: name = "modified", modified++; break;
    default: break;
    }
    memcpy(&n, pn_delivery_tag(d).start, sizeof(n));
    record_outcome(n, remote, name);
    pn_delivery_settle(d);
    settled++;
    done_sending();
}

static void send_load(void)
{
    struct header h = HEADER_DEFAULT;
    h.durable = opts.durable;
    for (; load_left && can_send(); load_left--)
        send_one(&h, load_make(&load, sent + 1), false);
}

static void open_link(void);

static void bad_line(const char *reason)
{
    error("cannot use line %lu of 'stdin': %s", input.line_number, reason);
    finish(EXIT_PERMANENT);
}

static void name_address(struct json line)
{
    struct buf scratch = {0};
    struct slice named = json_text(json_get(line, S("address")), &scratch);
    if (named.p)
        address = xstrndup(named.p, named.len);
    buf_free(&scratch);
}

static void send_line(struct json line)
{
    static struct buf encoded;
    const char *reason;
    struct header h;
    bool settle = json_get(line, S("settled")).type == JSON_TRUE;
    buf_reset(&encoded, KEEP_BYTES);
    if (message_from_json(line, &encoded, &h, &reason) != 0)
        bad_line(reason);
    else
        send_one(&h, buf_slice(&encoded), settle);
}

/* A line waits here for credit; the first one may have to name the address before there is a link. */
static struct slice held;

/* False if it has to wait. */
static bool take_line(void)
{
    struct json line;
    struct json_error err;
    if (json_parse(held, &line, &err) != 0) {
        bad_line(err.reason);
        return false;
    }
    if (!address)
        name_address(line);
    if (!address)
        bad_line("no 'address'");
    else if (!link_)
        open_link();
    if (!can_send())
        return false;
    held = SLICE_NONE;
    send_line(line);
    return true;
}

static bool next_line(void)
{
    enum lines_status status = lines_next(&input.lines, &held);
    if (status == LINES_LINE) {
        input.line_number++;
        return true;
    }
    held = SLICE_NONE;
    if (status == LINES_END)
        input.end = true;
    else if (status != LINES_MORE)
        bad_line("too long or cut off");
    return false;
}

static void send_lines(void)
{
    while (!ending && !input.end && (held.p || next_line()) && take_line())
        ;
    input.watch.off = ending || input.end || held.p;
    done_sending();
}

static void on_input(struct watch *w, short revents)
{
    (void)w;
    (void)revents;
    wire.due = true;
    if (lines_fill(&input.lines) < 0)
        bad_line("it cannot be read");
}

/* --- receiving ------------------------------------------------------------------------------------------- */

/* In portions of half a window; what is kept unsettled counts. */
static void grant(void)
{
    int window = (int)opts.credit;
    int room = window - pn_link_credit(link_) - (outcome->state ? 0 : pn_link_unsettled(link_));
    uint64_t most = wanted ? wanted - granted : UINT64_MAX;
    if (!most || (room * 2 < window && (uint64_t)room < most))
        return;
    if ((uint64_t)room > most)
        room = (int)most;
    granted += (uint64_t)room;
    if (opts.until_empty)
        pn_link_drain(link_, room);
    else
        pn_link_flow(link_, room);
}

static void record_message(pn_delivery_t *d, struct slice whole)
{
    struct header h;
    size_t skip = header_get(whole, &h);
    pn_delivery_tag_t tag = pn_delivery_tag(d);
    struct buf *b = record_plain();
    buf_putc(b, '{');
    record_number(b, "n", received);
    json_put_member_text(b, S("tag"), slice_of(tag.start, tag.size));
    record_bool(b, "durable", h.durable);
    record_number(b, "ttl", h.ttl_ms);
    record_bool(b, "first_acquirer", h.first_acquirer);
    record_number(b, "delivery_count", h.delivery_count);
    record_bool(b, "settled", pn_delivery_settled(d));
    if (message_to_json(b, slice_skip(whole, skip)) != 0)
        record_text(b, "body", "undecodable");
    record_end(b, "}");
}

static void settle(pn_delivery_t *d)
{
    pn_link_advance(link_);
    if (pn_delivery_settled(d)) {
        pn_delivery_settle(d);
    } else if (outcome->state) {
        pn_disposition_set_failed(pn_delivery_local(d), outcome->failed);
        pn_disposition_set_undeliverable(pn_delivery_local(d), outcome->undeliverable);
        pn_delivery_update(d, outcome->state);
        pn_delivery_settle(d);
    }
}

static void on_message(pn_delivery_t *d)
{
    static struct buf whole;
    if (ending || !pn_delivery_readable(d) || pn_delivery_partial(d))
        return;
    size_t size = pn_delivery_pending(d);
    buf_reset(&whole, KEEP_BYTES);
    ssize_t n = pn_link_recv(link_, buf_room(&whole, size), size);
    buf_added(&whole, n > 0 ? (size_t)n : 0);
    received++;
    if (!opts.quiet)
        record_message(d, buf_slice(&whole));
    settle(d);
    grant();
    if (received == wanted)
        finish(EXIT_DONE);
}

/* --- the connection -------------------------------------------------------------------------------------- */

static void open_link(void)
{
    pn_session_t *session = pn_session(wire_connection(&wire));
    pn_session_open(session);
    link_ = sending ? pn_sender(session, "amqp-cat") : pn_receiver(session, "amqp-cat");
    pn_terminus_t *terminus = sending ? pn_link_target(link_) : pn_link_source(link_);
    pn_terminus_set_address(terminus, address);
    if (opts.durable)
        pn_terminus_set_durability(terminus, PN_DELIVERIES);
    pn_link_open(link_);
    if (!sending)
        grant();
    wire.due = true;
}

static void on_flow(void)
{
    if (!sending && opts.until_empty && !pn_link_draining(link_))
        finish(EXIT_DONE);
}

/* What was asked for and is not there. */
static void answer_drain(void)
{
    if (link_ && pn_link_get_drain(link_) && !load_left && !held.p && pn_link_credit(link_) > 0)
        pn_link_drained(link_);
}

static void on_event(struct wire *w, pn_event_t *e)
{
    pn_delivery_t *d = pn_event_delivery(e);
    switch (pn_event_type(e)) {
    case PN_LINK_REMOTE_OPEN:
        link_up = true;
        since = clock_ms();
        break;
    case PN_LINK_FLOW: on_flow(); break;
    case PN_DELIVERY: sending ? on_settled(d) : on_message(d); break;
    case PN_LINK_REMOTE_DETACH:
    case PN_LINK_REMOTE_CLOSE: on_trouble("use the link to", pn_link_remote_condition(link_)); break;
    case PN_SESSION_REMOTE_CLOSE:
        on_trouble("use the session for", pn_session_remote_condition(pn_event_session(e)));
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        on_trouble("use the connection for", pn_connection_remote_condition(wire_connection(w)));
        pn_connection_close(wire_connection(w));
        break;
    case PN_TRANSPORT_ERROR: on_trouble("connect for", pn_transport_condition(wire_transport(w))); break;
    default: break;
    }
}

static void on_fill(struct wire *w)
{
    (void)w;
    if (!sending)
        return;
    if (opts.load)
        send_load();
    else
        send_lines();
    answer_drain();
}

static void on_gone(struct wire *w)
{
    if (!ending)
        on_trouble("keep the connection for", pn_transport_condition(wire_transport(w)));
    wire_end(w);
    loop_stop(loop);
}

static void before_poll(void *arg)
{
    (void)arg;
    while (wire.due && wire.watch.fd >= 0)
        wire_turn(&wire);
    record_flush();
}

static void log_in(void)
{
    const char *user = getenv("AMQP_USER"), *password = getenv("AMQP_PASSWORD");
    pn_sasl_t *sasl = pn_sasl(wire_transport(&wire));
    pn_sasl_allowed_mechs(sasl, user ? "PLAIN" : "ANONYMOUS");
    if (!user)
        return;
    pn_sasl_set_allow_insecure_mechs(sasl, true);
    pn_connection_set_user(wire_connection(&wire), user);
    pn_connection_set_password(wire_connection(&wire), password ? password : "");
}

static void connect_to(unsigned long port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        die_sys(EXIT_TEMPORARY, "cannot connect to '127.0.0.1:%lu'", port);
    wire = (struct wire){.loop = loop, .event = on_event, .fill = on_fill, .gone = on_gone};
    wire_init(&wire, fd);
    log_in();
    pn_connection_set_container(wire_connection(&wire), "amqp-cat");
    pn_connection_set_hostname(wire_connection(&wire), "127.0.0.1");
    pn_connection_open(wire_connection(&wire));
    if (address)
        open_link();
    wire_start(&wire);
}

/* --- start ----------------------------------------------------------------------------------------------- */

static void start_input(void)
{
    uint64_t bytes, rate;
    struct slice to;
    if (!opts.load) {
        lines_init(&input.lines, STDIN_FILENO);
        input.watch = (struct watch){.fd = STDIN_FILENO, .events = POLLIN, .ready = on_input};
        loop_add(loop, &input.watch);
        return;
    }
    if (load_parse(opts.load, &load_left, &to, &bytes, &rate) != 0)
        opt_usage(&program, "-g wants COUNT,ADDRESS,BYTES");
    load_init(&load, bytes);
    address = xstrndup(to.p, to.len);
    input.end = true;
}

static void choose_outcome(void)
{
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++)
        if (strcmp(opts.outcome, outcomes[i].name) == 0) {
            outcome = &outcomes[i];
            return;
        }
    opt_usage(&program, "no such outcome");
}

/* Options may stand between and after the operands. */
static int parse(int argc, char **argv, const char *operands[MAX_OPERANDS])
{
    int n = 0;
    for (int i = opt_parse(&program, argc, argv); i < argc;) {
        if (argv[i][0] == '-' && argv[i][1]) {
            i += opt_parse(&program, argc - i + 1, argv + i - 1) - 1;
        } else if (n == MAX_OPERANDS) {
            opt_usage(&program, "too many operands");
        } else {
            operands[n++] = argv[i++];
        }
    }
    return n;
}

static void configure(int argc, char **argv)
{
    const char *operands[MAX_OPERANDS] = {NULL};
    int n = parse(argc, argv, operands);
    if (n == 0 || !opts.port)
        opt_usage(&program, n ? "-p is missing" : "send or recv?");
    sending = strcmp(operands[0], "send") == 0;
    if (!sending && strcmp(operands[0], "recv") != 0)
        opt_usage(&program, "send or recv?");
    if (sending ? n > 2 : n < 2)
        opt_usage(&program, "wrong number of operands");
    if (n == 3 && scan_u64(slice_str(operands[2]), &wanted) != 0)
        opt_usage(&program, "COUNT is no number");
    if (n > 1)
        address = xstrndup(operands[1], strlen(operands[1]));
    choose_outcome();
}

static void put_summary(void)
{
    struct buf *b = record_plain();
    buf_puts(b, "{\"summary\":{");
    record_number(b, sending ? "sent" : "received", sending ? sent : received);
    if (sending) {
        record_number(b, "accepted", accepted);
        record_number(b, "rejected", rejected);
        record_number(b, "released", released);
        record_number(b, "modified", modified);
        record_number(b, "presettled", presettled);
    }
    record_end(b, "}}");
    record_flush();
    double seconds = (double)(clock_ms() - since) / 1000;
    if (since)
        info("%.0f messages a second",
             (double)(sending ? settled : received) / (seconds > 0 ? seconds : 0.001));
}

int main(int argc, char **argv)
{
    io_init();
    configure(argc, argv);
    loop = loop_new();
    loop_signal(loop, SIGTERM, on_signal, NULL);
    loop_signal(loop, SIGINT, on_signal, NULL);
    deadline = (struct timer){.at = NEVER, .fire = on_deadline};
    if (opts.seconds)
        loop_timer(loop, &deadline, clock_ms() + (msec)opts.seconds * 1000);
    if (sending)
        start_input();
    connect_to(opts.port);
    loop_before_poll(loop, before_poll, NULL);
    loop_run(loop);
    put_summary();
    return io_close_stdout() == 0 ? exit_code : EXIT_TEMPORARY;
}
