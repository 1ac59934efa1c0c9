/* circle: both ends of the whole circle: modifications of things for an AMQP container in, events from an MQTT broker out.
 *
 *   circle [-w WINDOW] [-r RATE] [-s SECONDS] -p PORT THINGS FEED
 *
 * Writes lines for the stdin of tests/helper/amqp-peer to FEED (address "commands", Ditto Protocol messages as text), one
 * after the other for each of THINGS: first a modification of the whole thing, then for SECONDS (5), after a second to warm
 * up, modifications of one property: RATE a second, or (0) as fast as WINDOW (2000) without their event allow. Subscribes
 * events/# at the broker with QoS 0; each event of a property has its number and the time at which it was written in
 * its value.
 *
 * stdout: {"events","per_s","p50_us","p99_us","all","again"}: of those written after the warm-up; all is how many events came,
 * again how many twice. Exit: 0, 1 an event is missing 10 s after the last one came, 100 bad usage, 111 no broker, or the feed is gone. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/scan.h"
#include "json/json.h"

#include "base/banned.h"

enum { EVENTS_MAX = 4 * 1024 * 1024, FEED_BYTES = 64 * 1024, PATIENCE_US = 10000000, WARM_UP_US = 1000000 };

static unsigned long port, window = 2000, rate, seconds = 5;
static const struct opt opts[] = {
    {'w', "WINDOW", "without their event at most (2000)", OPT_NUMBER, &window, 1, 100000},
    {'r', "RATE", "modifications a second; 0, the default: as many as go", OPT_NUMBER, &rate, 0, 1000000},
    {'s', "SECONDS", "measure for so long (5)", OPT_NUMBER, &seconds, 1, 600},
    {'p', "PORT", "the broker is at 127.0.0.1:PORT", OPT_NUMBER, &port, 1, 65535},
    OPT_END,
};
static const struct program program = {
    .name = "circle", .operands = "THINGS FEED", .summary = "both ends of the whole circle", .opts = opts};

/* Numbers 0 to things - 1 make the things, the others change them. */
static struct {
    uint64_t things, sent, seen, again;
    uint64_t first, last; /* numbers that are measured: first to last - 1 */
    int64_t begun, last_seen, last_measured;
    unsigned char *came; /* of each number */
    uint32_t *samples;
    size_t n_samples;
    int feed;
    struct buf queue;
    bool subscribed;
} b;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- what comes ---------------------------------------------------------------------------------------------------- */

static void see(uint64_t number, int64_t written)
{
    int64_t now = now_us();
    if (number >= b.sent)
        die(EXIT_NEGATIVE, "an event of a number that was not sent");
    if (b.came[number]) {
        b.again++;
        return;
    }
    b.came[number] = 1;
    b.seen++;
    b.last_seen = now;
    if (!b.first || number < b.first || number >= b.last)
        return;
    b.last_measured = now;
    b.samples[b.n_samples++] = (uint32_t)(now - written);
}

static void on_message(struct mosquitto *m, void *arg, const struct mosquitto_message *msg)
{
    struct json event, value;
    struct json_error why;
    int64_t number, written;
    (void)m, (void)arg;
    if (json_parse(slice_of(msg->payload, (size_t)msg->payloadlen), &event, &why) < 0)
        die(EXIT_NEGATIVE, "an event is no JSON");
    value = json_get(event, S("value"));
    if (json_present(json_get(value, S("thingId"))))
        value = json_pointer(value, S("/features/s/properties/v"));
    if (json_int(json_get(value, S("n")), &number) < 0 || json_int(json_get(value, S("at")), &written) < 0)
        die(EXIT_NEGATIVE, "an event says '%.*s'", msg->payloadlen, (const char *)msg->payload);
    see((uint64_t)number, written);
}

static void on_connect(struct mosquitto *m, void *arg, int reason)
{
    (void)arg;
    if (reason != 0)
        die(EXIT_TEMPORARY, "cannot connect: %s", mosquitto_reason_string(reason));
    mosquitto_subscribe(m, NULL, "events/#", 0);
}

static void on_subscribe(struct mosquitto *m, void *arg, int mid, int n, const int *granted)
{
    (void)m, (void)arg, (void)mid, (void)n, (void)granted;
    b.subscribed = true;
}

/* --- what goes ----------------------------------------------------------------------------------------------------- */

/* The value, in the text of a JSON string. */
static void put_value(uint64_t number)
{
    bool makes = number < b.things;
    if (makes)
        buf_puts(
            &b.queue,
            "{\\\"attributes\\\":{\\\"serial\\\":1,\\\"location\\\":{\\\"lat\\\":44.673856,\\\"lon\\\":8.261719}},"
            "\\\"features\\\":{\\\"s\\\":{\\\"properties\\\":{\\\"v\\\":");
    buf_printf(&b.queue, "{\\\"n\\\":%" PRIu64 ",\\\"at\\\":%" PRId64 "}", number, now_us());
    if (makes)
        buf_puts(&b.queue, "}}}}");
}

static void put_command(uint64_t number)
{
    buf_printf(
        &b.queue,
        "{\"address\":\"commands\",\"properties\":{\"content-type\":\"application/vnd.eclipse.ditto+json\"},\"text\":"
        "\"{\\\"topic\\\":\\\"org.example/device%" PRIu64 "/things/twin/commands/modify\\\",\\\"headers\\\":{"
        "\\\"correlation-id\\\":\\\"c-%" PRIu64 "\\\",\\\"response-required\\\":false},"
        "\\\"path\\\":\\\"%s\\\",\\\"value\\\":",
        number % b.things, number, number < b.things ? "/" : "/features/s/properties/v");
    put_value(number);
    buf_puts(&b.queue, "}\"}\n");
}

/* May another one be written now? */
static bool may_send(void)
{
    if (b.sent >= EVENTS_MAX)
        die(EXIT_NEGATIVE, "too many for this program");
    if (!rate || b.sent < b.things)
        return b.sent - b.seen < window;
    return (uint64_t)(now_us() - b.begun) * rate / 1000000 > b.sent - b.things;
}

static void send_more(uint64_t end)
{
    while (b.sent < end && b.queue.len < FEED_BYTES && may_send())
        put_command(b.sent++);
    ssize_t n = b.queue.len ? io_write_some(b.feed, buf_p(&b.queue), b.queue.len) : 0;
    if (n < 0)
        die_sys(EXIT_TEMPORARY, "cannot write to the feed");
    buf_take(&b.queue, (size_t)n);
}

/* --- one run ------------------------------------------------------------------------------------------------------- */

static void step(struct mosquitto *m, uint64_t end)
{
    send_more(end);
    struct pollfd p[2] = {{.fd = mosquitto_socket(m), .events = POLLIN},
                          {.fd = b.queue.len ? b.feed : -1, .events = POLLOUT}};
    if (mosquitto_want_write(m))
        p[0].events |= POLLOUT;
    if (poll(p, 2, 1) < 0 && errno != EINTR)
        die_sys(EXIT_TEMPORARY, "cannot poll");
    int rc = p[0].revents & POLLIN ? mosquitto_loop_read(m, 100) : MOSQ_ERR_SUCCESS;
    if (rc == MOSQ_ERR_SUCCESS && p[0].revents & POLLOUT)
        rc = mosquitto_loop_write(m, 100);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_loop_misc(m);
    if (rc != MOSQ_ERR_SUCCESS)
        die(EXIT_TEMPORARY, "cannot keep the connection: %s", mosquitto_strerror(rc));
}

static void until_all_came(struct mosquitto *m, uint64_t end)
{
    b.last_seen = now_us();
    while (b.seen < end) {
        step(m, end);
        if (now_us() - b.last_seen > PATIENCE_US)
            die(EXIT_NEGATIVE, "%" PRIu64 " of %" PRIu64 " events are missing", end - b.seen, end);
    }
}

static int by_size(const void *x, const void *y)
{
    uint32_t p = *(const uint32_t *)x, q = *(const uint32_t *)y;
    return p < q ? -1 : p > q;
}

static void measure(struct mosquitto *m)
{
    while (!b.subscribed)
        step(m, 0);
    until_all_came(m, b.things);
    b.begun = now_us();
    while (now_us() - b.begun < WARM_UP_US)
        step(m, UINT64_MAX);
    b.first = b.sent;
    b.last = UINT64_MAX;
    int64_t from = now_us();
    while (now_us() - from < (int64_t)seconds * 1000000)
        step(m, UINT64_MAX);
    b.last = b.sent;
    until_all_came(m, b.last);
    qsort(b.samples, b.n_samples, sizeof *b.samples, by_size);
    printf("{\"events\":%zu,\"per_s\":%" PRId64 ",\"p50_us\":%" PRIu32 ",\"p99_us\":%" PRIu32
           ",\"all\":%" PRIu64 ",\"again\":%" PRIu64 "}\n",
           b.n_samples, (int64_t)b.n_samples * 1000000 / (b.last_measured - from), b.samples[b.n_samples / 2],
           b.samples[b.n_samples * 99 / 100], b.seen, b.again);
}

int main(int argc, char **argv)
{
    io_init();
    int at = opt_parse(&program, argc, argv);
    if (argc != at + 2 || !port || scan_u64(slice_str(argv[at]), &b.things) < 0 || !b.things ||
        b.things > 1000000)
        opt_usage(&program, "a port, a number of things and a feed are needed");
    b.feed = open(argv[at + 1], O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (b.feed < 0)
        die_sys(EXIT_TEMPORARY, "cannot open '%s'", argv[at + 1]);
    b.came = xcalloc(EVENTS_MAX, sizeof *b.came);
    b.samples = xcalloc(EVENTS_MAX, sizeof *b.samples);
    mosquitto_lib_init();
    struct mosquitto *m = mosquitto_new(NULL, true, NULL);
    if (!m)
        die_oom();
    mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    mosquitto_message_callback_set(m, on_message);
    int rc = mosquitto_connect(m, "127.0.0.1", (int)port, 60);
    if (rc != MOSQ_ERR_SUCCESS)
        die(EXIT_TEMPORARY, "cannot connect: %s", mosquitto_strerror(rc));
    measure(m);
    mosquitto_destroy(m);
    mosquitto_lib_cleanup();
    return io_close_stdout() < 0 ? EXIT_TEMPORARY : EXIT_DONE;
}
