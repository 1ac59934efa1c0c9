/* mqtt-peer: a broker that misbehaves on purpose, for tests.
 *
 *   mqtt-peer STEP…
 *
 * Listens on a free port of 127.0.0.1 and takes each connection through the steps, one after the other:
 *   read      reads one MQTT packet; {"packet":"<first byte in hex>","hex":"<the rest, without its length>"}
 *   HEX       sends these bytes
 *   hold      reads, and answers nothing, until the peer goes; {"bytes":N}
 *   reset     closes with RST
 * A connection that has gone through is closed. First record: {"port":N}. Exit: 100 bad usage, 111 no socket. */
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#include "base/banned.h"

static int byte(int fd)
{
    unsigned char c;
    return read(fd, &c, 1) == 1 ? c : -1;
}

static void read_packet(int fd)
{
    int first = byte(fd), c = 0x80;
    unsigned long left = 0;
    for (unsigned shift = 0; c >= 0x80 && shift < 28; shift += 7) {
        c = byte(fd);
        if (c < 0)
            return;
        left |= (unsigned long)(c & 0x7f) << shift;
    }
    (void)printf("{\"packet\":\"%02x\",\"hex\":\"", (unsigned)first);
    while (left-- && (c = byte(fd)) >= 0)
        (void)printf("%02x", (unsigned)c);
    (void)printf("\"}\n");
}

static void send_hex(int fd, const char *hex)
{
    unsigned char bytes[4096];
    size_t n = 0;
    for (unsigned b; n < sizeof bytes && sscanf(hex, "%2x", &b) == 1; hex += 2)
        bytes[n++] = (unsigned char)b;
    if (write(fd, bytes, n) < 0)
        warn_sys("cannot write");
}

static void hold(int fd)
{
    unsigned long n = 0;
    while (byte(fd) >= 0)
        n++;
    (void)printf("{\"bytes\":%lu}\n", n);
}

static void reset(int fd)
{
    struct linger now = {1, 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void take_through(int fd, char **steps)
{
    for (; *steps; steps++) {
        if (strcmp(*steps, "read") == 0)
            read_packet(fd);
        else if (strcmp(*steps, "hold") == 0)
            hold(fd);
        else if (strcmp(*steps, "reset") == 0)
            reset(fd);
        else
            send_hex(fd, *steps);
    }
}

static int listen_somewhere(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 16) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) < 0)
        die_sys(EXIT_TEMPORARY, "cannot listen");
    (void)printf("{\"port\":%u}\n", ntohs(a.sin_port));
    return fd;
}

int main(int argc, char **argv)
{
    io_init();
    log_init("mqtt-peer", NULL);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2)
        die(EXIT_PERMANENT, "usage: mqtt-peer STEP...");
    for (int server = listen_somewhere();;) {
        int fd = accept(server, NULL, NULL);
        if (fd < 0)
            die_sys(EXIT_TEMPORARY, "cannot accept");
        take_through(fd, argv + 1);
        (void)close(fd);
    }
}
