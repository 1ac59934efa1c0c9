/* mqtt-library: what libmosquitto is and does, without any code of ours, for tests that pin it.
 *
 *   mqtt-library version       its version
 *   mqtt-library puback PORT   subscribes to "pin" with QoS 1 and loop_write held back; prints "message" when the callback
 *                              of a message is called, and whether a packet (its PUBACK) was queued before that */
#include <mosquitto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static bool subscribed, done;

static void on_connect(struct mosquitto *m, void *arg, int reason)
{
    (void)arg, (void)reason;
    (void)mosquitto_subscribe(m, NULL, "pin", 1);
}

static void on_subscribe(struct mosquitto *m, void *arg, int mid, int n, const int *granted)
{
    (void)m, (void)arg, (void)mid, (void)n, (void)granted;
    subscribed = true;
    (void)printf("subscribed\n");
}

static void on_message(struct mosquitto *m, void *arg, const struct mosquitto_message *message)
{
    (void)arg, (void)message;
    (void)printf("message, %s\n", mosquitto_want_write(m) ? "PUBACK queued" : "nothing queued");
    done = true;
}

static int puback(int port)
{
    struct mosquitto *m = mosquitto_new("pin", false, NULL);
    struct pollfd p = {.events = POLLIN};
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    mosquitto_message_callback_set(m, on_message);
    mosquitto_threaded_set(m, true);
    if (mosquitto_connect(m, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS)
        return 111;
    p.fd = mosquitto_socket(m);
    while (!done && poll(&p, 1, 100) >= 0) {
        if (p.revents && mosquitto_loop_read(m, 1) != MOSQ_ERR_SUCCESS)
            return 111;
        if (!subscribed)
            (void)mosquitto_loop_write(m, 1);
    }
    mosquitto_destroy(m);
    return 0;
}

int main(int argc, char **argv)
{
    int a, b, c, code = 0;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    mosquitto_lib_init();
    if (argc > 2)
        code = puback((int)strtol(argv[2], NULL, 10));
    else if (mosquitto_lib_version(&a, &b, &c))
        (void)printf("%d.%d.%d\n", a, b, c);
    mosquitto_lib_cleanup();
    return code;
}
