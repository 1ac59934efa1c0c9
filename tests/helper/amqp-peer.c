/* amqp-peer: a small AMQP 1.0 container, in memory, for tests and the demo; it can misbehave on purpose.
 *
 *   amqp-peer [-p PORT] [-e] [-g COUNT,ADDRESS,BYTES[,RATE]] [-d CONTROL] [-x] [-t SECONDS] [-q|-Q] [FILE...]
 *
 * Listens on 127.0.0.1 (-p 0 or nothing: a free port) and is a broker with one queue per address. Messages come from
 *   - NDJSON lines of FILEs, one after the other ("-": stdin; with neither FILE nor -g stdin is read), at any time while
 *     it runs. A line with "do" is a control line, any other one a message: "address" and what message.h says;
 *   - -g (up to 16 times, one load an address): COUNT messages as load.h says, made as credit allows, or RATE a second
 *     from the first consumer on;
 *   - clients that send to an address (a target without one: the message's "to").
 *
 * Redelivery: released: again, delivery-count as it was; modified: again, delivery-count + 1 if delivery-failed;
 * rejected or undeliverable-here: dead; settled without an outcome: like released. What is unsettled when its link,
 * session or connection ends stands in the queue again, in the old order, delivery-count as it was. Whatever was sent
 * before has first-acquirer false.
 *
 * Options: -e what is generated are Ditto Protocol messages · -x exit when all input is read and every message (at
 * least one) is settled for good · -t exit 99 after SECONDS · -c CREDIT of client senders (1000) · -I MS idle timeout
 * to announce · -f BYTES frame size to announce, with a session window of 4 frames · -m BYTES max-message-size to
 * announce · -A fail every SASL login · -a offer PLAIN only, for $AMQP_USER
 * and $AMQP_PASSWORD · -E offer EXTERNAL only · -R offer the anonymous terminus · -d CONTROL a control line to obey from the start (repeatable) · -q only dispositions and
 * summary · -Q only the summary.
 *
 * Records on stdout, one JSON object a line; the first is {"port":N}, the last are {"summary":{"address",
 * "sent" (messages sent at least once), "transfers", "accepted", "rejected", "released", "modified", "presettled",
 * "received" (from clients), "queued" (waiting, unsettled or still to be made), "dead"}}, one an address (one with
 * address null if there is none). Between them {"event":E, "connection":N, …} (also with -Q: {"port":N}):
 *   accept     peer                                  a TCP connection
 *   open       container, hostname, user, idle_timeout
 *   attach     link, role ("receiver": the client consumes, "sender": it produces), address, outcomes, settle_mode
 *              ("unsettled", "settled", "mixed"), durable, max_message_size; refused: true if it is
 *   credit     link, address, credit, drain          flow from a consumer
 *   drained    link, address                         a producer answered our drain
 *   sent       n, address, tag, delivery_count, first_acquirer, settled; n counts all messages, the tag is n
 *   disposition  n, address, outcome (accepted rejected released modified none), failed, undeliverable (modified),
 *              condition, description (rejected), delivery_count (as it was sent)
 *   message    n, address, settled, durable, delivery_count and the members of message.h: received from a client
 *   detach, end, close   link, address (detach); condition, description if the client gave one
 *   lost       condition, description, requeued      the transport ended without a close; "dropped": by us
 *
 * Control lines. ADDRESS limits one to links of that address; CONDITION is "condition" and "description", and
 * "redirect" ("host:port") where something ends.
 *   {"do":"refuse","by":"detach|end|close", ADDRESS, CONDITION (amqp:not-found)}   links that attach from now on
 *   {"do":"allow"}                            forget all refusals
 *   {"do":"detach|end|close|drop","after":N, ADDRESS, CONDITION}   end the link, session, connection, or the TCP connection
 *                                             without a word, when N more messages passed (0 or nothing: all, now)
 *   {"do":"no-modified"}                      like RabbitMQ: not offered, and it ends the session with amqp:invalid-field
 *   {"do":"no-open"}                          connections that come now get no answer to their open
 *   {"do":"deaf"}                             read nothing more, but send what credit is left
 *   {"do":"freeze"}                           no I/O at all, the sockets stay open (a dead peer without RST)
 *   {"do":"no-credit"} {"do":"never-settle"}  for client senders
 *     each of these five with "off":true ends it
 *   {"do":"answer","outcome":O,"count":N, ADDRESS, CONDITION}   the next N (all) messages of client senders get O;
 *                                             with modified "failed" and "undeliverable" too
 *   {"do":"credit","credit":N, ADDRESS} {"do":"drain", ADDRESS}   flow to client senders now
 *   {"do":"generate","address":A,"count":N,"bytes":B,"rate":R}   like -g; oversize messages: a large B
 *   {"do":"summary"}                          print the summaries now
 *   {"do":"times"}                            print {"times":{"address","count","p50_us","p99_us","max_us"}}, an address each: how
 *                                             long what was accepted since the last such line had been under way
 *
 * Exit: 0 on TERM, INT or -x (open connections are closed with amqp:connection:forced), 99 timed out, 100 bad usage or
 * a line that does not fit, 111 no socket or stdout is gone. No state outlives it. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <proton/version.h>

#include "amqp-peer/broker.h"
#include "amqp-peer/control.h"
#include "amqp-peer/load.h"
#include "amqp-peer/record.h"
#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/opt.h"

#include "base/banned.h"

enum { BACKLOG = 128, PARTING_MS = 1000 };

/* Files and stdin, read one after the other as the loop finds them readable. */
struct input {
    char *const *names;
    int left;
    struct lines lines;
    struct watch watch;
    unsigned long line_number;
};

static struct {
    unsigned long port, credit, idle_ms, frame_bytes, max_message_bytes, seconds;
    struct opt_list loads, controls;
    bool envelopes, exit_when_done, reject, plain, external, relay, only_summary;
} opts = {.credit = 1000};

static const struct opt table[] = {
    {'p', "PORT", "listen on 127.0.0.1:PORT; 0, the default: a free port", OPT_NUMBER, &opts.port, 0, 65535},
    {'g', "COUNT,ADDRESS,BYTES[,RATE]", "generate messages", OPT_LIST, &opts.loads, 0, 0},
    {'e', NULL, "generate Ditto Protocol messages", OPT_FLAG, &opts.envelopes, 0, 0},
    {'d', "CONTROL", "obey a control line from the start", OPT_LIST, &opts.controls, 0, 0},
    {'c', "CREDIT", "credit of client senders (1000)", OPT_NUMBER, &opts.credit, 1, 1000000},
    {'I', "MS", "idle timeout to announce", OPT_NUMBER, &opts.idle_ms, 0, 1000000},
    {'f', "BYTES", "frame size to announce, with a session window of 4 frames", OPT_NUMBER, &opts.frame_bytes,
     512, 1000000},
    {'m', "BYTES", "max-message-size to announce", OPT_NUMBER, &opts.max_message_bytes, 0, 0},
    {'t', "SECONDS", "give up with 99 after SECONDS", OPT_NUMBER, &opts.seconds, 0, 1000000},
    {'x', NULL, "exit when all messages are settled for good", OPT_FLAG, &opts.exit_when_done, 0, 0},
    {'A', NULL, "fail every SASL login", OPT_FLAG, &opts.reject, 0, 0},
    {'a', NULL, "ask for $AMQP_USER and $AMQP_PASSWORD (PLAIN)", OPT_FLAG, &opts.plain, 0, 0},
    {'E', NULL, "offer SASL EXTERNAL only", OPT_FLAG, &opts.external, 0, 0},
    {'R', NULL, "offer the anonymous terminus", OPT_FLAG, &opts.relay, 0, 0},
    {'Q', NULL, "print only the summary (-q: and dispositions)", OPT_FLAG, &opts.only_summary, 0, 0},
    OPT_END,
};

static const struct program program = {
    .name = "amqp-peer",
    .operands = "[FILE...]",
    .summary = "A small AMQP 1.0 container for tests.",
    .opts = table,
};

static struct loop *loop;
static struct broker_settings broker;
static struct input input;
static struct timer deadline;
static bool ending;
static int exit_code;

/* --- the end --------------------------------------------------------------------------------------------- */

static void stop(struct timer *t)
{
    (void)t;
    loop_stop(loop);
}

/* One more round: the closing frames have to be written. */
static void again(struct timer *t)
{
    (void)t;
}

static void finish(int code)
{
    static struct timer nudge = {.at = NEVER, .fire = again};
    if (ending)
        return;
    ending = true;
    exit_code = code;
    broker_close();
    deadline.fire = stop;
    loop_timer(loop, &deadline, clock_ms() + PARTING_MS);
    loop_timer(loop, &nudge, clock_ms());
}

static void on_signal(int signo, void *arg)
{
    (void)signo;
    (void)arg;
    finish(EXIT_DONE);
}

static void on_deadline(struct timer *t)
{
    (void)t;
    error("cannot finish within %lu seconds", opts.seconds);
    finish(EXIT_TIMEOUT);
}

static void on_changed(void)
{
    if (opts.exit_when_done && input.left == 0 && broker_done())
        finish(EXIT_DONE);
    if (ending && broker_empty())
        loop_stop(loop);
}

/* --- input ----------------------------------------------------------------------------------------------- */

static const char *input_name(void)
{
    return strcmp(*input.names, "-") == 0 ? "stdin" : *input.names;
}

static void open_input(void)
{
    bool standard = strcmp(*input.names, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(*input.names, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die_sys(EXIT_PERMANENT, "cannot open '%s'", *input.names);
    lines_init(&input.lines, fd);
    input.line_number = 0;
    input.watch.fd = fd;
    loop_add(loop, &input.watch);
}

static void next_input(void)
{
    loop_remove(loop, &input.watch);
    lines_free(&input.lines);
    if (input.watch.fd != STDIN_FILENO)
        close(input.watch.fd);
    input.names++;
    if (--input.left > 0)
        open_input();
}

static void on_input(struct watch *w, short revents)
{
    struct slice line;
    enum lines_status status;
    const char *reason;
    (void)w;
    (void)revents;
    if (lines_fill(&input.lines) < 0)
        die_sys(EXIT_TEMPORARY, "cannot read '%s'", input_name());
    while ((status = lines_next(&input.lines, &line)) == LINES_LINE) {
        input.line_number++;
        if (slice_trim(line).len && control_line(line, &reason) != 0)
            die(EXIT_PERMANENT, "cannot use line %lu of '%s': %s", input.line_number, input_name(), reason);
    }
    if (status == LINES_LONG || status == LINES_CUT)
        die(EXIT_PERMANENT, "cannot use line %lu of '%s': it is too long or cut off", input.line_number + 1,
            input_name());
    if (status == LINES_END)
        next_input();
}

static void start_input(int n, char *const *names)
{
    static char *const standard[] = {"-"};
    bool by_default = n == 0 && opts.loads.n == 0;
    input.names = by_default ? standard : names;
    input.left = by_default ? 1 : n;
    input.watch = (struct watch){.fd = -1, .events = POLLIN, .ready = on_input};
    if (input.left)
        open_input();
}

/* --- start ----------------------------------------------------------------------------------------------- */

static int listen_on(unsigned long port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, BACKLOG) != 0)
        die_sys(EXIT_TEMPORARY, "cannot listen on '127.0.0.1:%lu'", port);
    return fd;
}

static void announce_port(int fd)
{
    struct sockaddr_in at;
    socklen_t size = sizeof(at);
    if (getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        die_sys(EXIT_TEMPORARY, "cannot tell the port");
    buf_printf(record_plain(), "{\"port\":%u", ntohs(at.sin_port));
    record_end(record_plain(), "}");
    record_flush();
}

static void start_loads(void)
{
    struct slice address;
    uint64_t count, bytes, rate;
    for (size_t i = 0; i < opts.loads.n; i++)
        if (load_parse(opts.loads.v[i], &count, &address, &bytes, &rate) != 0 ||
            broker_generate(address, count, bytes, rate) != 0)
            die(EXIT_PERMANENT, "cannot use '-g %s'", opts.loads.v[i]);
}

static void start_controls(void)
{
    const char *reason;
    for (size_t i = 0; i < opts.controls.n; i++)
        if (control_line(slice_str(opts.controls.v[i]), &reason) != 0)
            die(EXIT_PERMANENT, "cannot use '-d %s': %s", opts.controls.v[i], reason);
}

static void configure(void)
{
    broker = (struct broker_settings){.loop = loop,
                                      .fd = listen_on(opts.port),
                                      .credit = opts.credit,
                                      .frame_bytes = opts.frame_bytes,
                                      .idle_ms = opts.idle_ms,
                                      .max_message_bytes = opts.max_message_bytes,
                                      .form = opts.envelopes ? LOAD_ENVELOPE : LOAD_TELEMETRY,
                                      .relay = opts.relay,
                                      .login = {.reject = opts.reject, .external = opts.external},
                                      .changed = on_changed};
    if (!opts.plain)
        return;
    broker.login.user = getenv("AMQP_USER");
    broker.login.password = getenv("AMQP_PASSWORD");
    if (!broker.login.user || !broker.login.password)
        opt_usage(&program, "-a needs AMQP_USER and AMQP_PASSWORD");
}

int main(int argc, char **argv)
{
    io_init();
    int first = opt_parse(&program, argc, argv);
    record_loudness(opts.only_summary ? LOUD_SUMMARY : log_at(LOG_NORMAL) ? LOUD_ALL : LOUD_DISPOSITIONS);
    loop = loop_new();
    loop_signal(loop, SIGTERM, on_signal, NULL);
    loop_signal(loop, SIGINT, on_signal, NULL);
    configure();
    broker_start(&broker);
    start_controls();
    start_loads();
    start_input(argc - first, argv + first);
    deadline = (struct timer){.at = NEVER, .fire = on_deadline};
    if (opts.seconds)
        loop_timer(loop, &deadline, clock_ms() + (msec)opts.seconds * 1000);
    announce_port(broker.fd);
    loop_run(loop);
    broker_summaries();
    return io_close_stdout() == 0 ? exit_code : EXIT_TEMPORARY;
}
