/* transport-mqtt: which sources a message is for; the buffer between libmosquitto and its socket. */
#include <errno.h>
#include <mqtt_protocol.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/mqtt_io.h"
#include "transport/mqtt_topics.h"

#include "tap.h"

/* --- topics ------------------------------------------------------------------------------------------------------ */

static const char document[] =
    "{\"id\":\"unit\",\"connectionType\":\"mqtt-5\",\"connectionStatus\":\"open\",\"uri\":\"tcp://127.0.0.1:1\","
    "\"sources\":[{\"authorizationContext\":[\"x\"],\"addresses\":[\"a/#\",\"both\"],\"qos\":0},"
    "{\"authorizationContext\":[\"x\"],\"addresses\":[\"+/b\",\"both\",\"$share/group/s/+\"],\"qos\":2}]}";

/* "01": lane 0 no, lane 1 yes. */
static const char *who(const struct mqtt_topics *t, const char *topic, uint32_t first, uint32_t second)
{
    static char text[3];
    bool wanted[2];
    mosquitto_property *p = NULL;
    if (first)
        mosquitto_property_add_varint(&p, MQTT_PROP_SUBSCRIPTION_IDENTIFIER, first);
    if (second)
        mosquitto_property_add_varint(&p, MQTT_PROP_SUBSCRIPTION_IDENTIFIER, second);
    bool any = mqtt_topics_match(t, topic, p, wanted);
    mosquitto_property_free_all(&p);
    for (int i = 0; i < 2; i++)
        text[i] = any && wanted[i] ? '1' : '0';
    return text;
}

static void test_topics(void)
{
    struct connection c;
    struct ditto_error err = {0};
    struct lane lanes[2] = {{.source = 0, .address = SLICE_NONE}, {.source = 1, .address = SLICE_NONE}};
    struct channel_config cfg = {.connection = &c, .lanes = lanes, .n_lanes = 2};
    struct mqtt_topics t;
    if (connection_parse(&c, slice_str(document), &err) < 0)
        abort();
    mqtt_topics_make(&t, &cfg);
    is_int(t.n, 4, "each distinct filter is one subscription");
    is_int(t.v[0].qos, 0, "QoS 0 is subscribed as 0");
    is_int(t.v[1].qos, 1, "of a filter that two sources have, the higher QoS; 2 counts as 1");
    is_slice(slice_str(who(&t, "a/x", 0, 0)), S("10"), "a filter of one source");
    is_slice(slice_str(who(&t, "a/b", 0, 0)), S("11"), "filters of both, without identifiers: both");
    is_slice(slice_str(who(&t, "a/b", 1, 0)), S("10"), "the copy for one subscription goes to its source");
    is_slice(slice_str(who(&t, "a/b", 3, 0)), S("01"), "… and the other copy to the other");
    is_slice(slice_str(who(&t, "a/b", 1, 3)), S("11"), "one copy for both");
    is_slice(slice_str(who(&t, "both", 2, 0)), S("11"), "one filter of both");
    is_slice(slice_str(who(&t, "s/x", 0, 0)), S("01"),
             "a shared subscription matches by what stands behind its group");
    is_slice(slice_str(who(&t, "s/x", 4, 0)), S("01"), "… by its identifier, too");
    is_slice(slice_str(who(&t, "a/x", 9, 0)), S("10"), "an identifier of an earlier life does not count");
    is_slice(slice_str(who(&t, "c/b", 1, 0)), S("01"), "… nor one that names another filter now");
    is_slice(slice_str(who(&t, "elsewhere", 0, 0)), S("00"), "a topic of nobody");
    mqtt_topics_free(&t);
    cfg.presettled = true;
    mqtt_topics_make(&t, &cfg);
    is_int(t.v[1].qos, 0, "what nobody settles is subscribed with QoS 0");
    mqtt_topics_free(&t);
    connection_free(&c);
}

/* --- the buffer -------------------------------------------------------------------------------------------------- */

static void test_reading(int ours, int theirs)
{
    char bytes[8] = "";
    (void)!send(theirs, "abcdef", 6, 0);
    is_int(mqtt_io_read(ours, bytes, 1), 1, "one byte is asked for");
    ok(mqtt_io_unread(), "the others are in the buffer");
    is_int(recv(ours, bytes + 4, 1, MSG_DONTWAIT), -1, "and no more in the socket");
    is_int(mqtt_io_read(ours, bytes + 1, 7), 5, "they come at once");
    ok(memcmp(bytes, "abcdef", 6) == 0, "in order");
    ok(!mqtt_io_unread(), "nothing is left");
}

static void test_writing(int ours, int theirs)
{
    char bytes[16];
    is_int(mqtt_io_write(ours, "ab", 2), 2, "a write is taken");
    is_int(mqtt_io_write(ours, "cd", 2), 2, "and another one");
    is_int(recv(theirs, bytes, sizeof bytes, MSG_DONTWAIT), -1, "nothing has left");
    is_int(mqtt_io_flush(), 1, "flushed");
    is_int(recv(theirs, bytes, sizeof bytes, MSG_DONTWAIT), 4, "it leaves in one piece");
    is_int(mqtt_io_write(theirs, "xy", 2), 2, "another descriptor");
    is_int(recv(ours, bytes, sizeof bytes, MSG_DONTWAIT), 2, "is not buffered");
    is_int(mqtt_io_write(theirs, "", 1), 1, "the library's wake-up");
    is_int(recv(ours, bytes, sizeof bytes, MSG_DONTWAIT), -1, "goes nowhere");
}

/* A peer that does not read. */
static void test_full(int ours, int theirs)
{
    enum { LARGE = 4 * 1024 * 1024 };
    static char large[LARGE], small[1024];
    size_t sent = 0, got = 0;
    ssize_t n;
    while ((n = mqtt_io_write(ours, large, LARGE)) > 0)
        sent += (size_t)n;
    is_int(errno, EAGAIN, "a large write that does not fit is EAGAIN");
    while ((n = mqtt_io_write(ours, small, sizeof small)) > 0 && sent < 4 * (size_t)LARGE)
        sent += (size_t)n;
    is_int(n, -1, "small ones are gathered up to a limit");
    is_int(mqtt_io_flush(), 0, "something is left");
    for (int r = 0; r == 0;) {
        r = mqtt_io_flush();
        while ((n = recv(theirs, large, LARGE, MSG_DONTWAIT)) > 0)
            got += (size_t)n;
    }
    while ((n = recv(theirs, large, LARGE, MSG_DONTWAIT)) > 0)
        got += (size_t)n;
    is_int(got, sent, "all that was taken arrives");
}

static void test_io(void)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
        abort();
    mqtt_io_attach(fds[0]);
    test_reading(fds[0], fds[1]);
    test_writing(fds[0], fds[1]);
    test_full(fds[0], fds[1]);
    (void)mqtt_io_write(fds[0], "end", 3);
    mqtt_io_detach();
    char bytes[4];
    is_int(recv(fds[1], bytes, sizeof bytes, MSG_DONTWAIT), 3, "detaching flushes");
    mqtt_io_attach(fds[0]);
    (void)mqtt_io_write(fds[0], "lost", 4);
    mqtt_io_abandon();
    is_int(recv(fds[1], bytes, sizeof bytes, MSG_DONTWAIT), -1, "abandoning does not");
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    mosquitto_lib_init();
    test_topics();
    test_io();
    mosquitto_lib_cleanup();
    return done();
}
