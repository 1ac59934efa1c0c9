#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <proton/transport.h>

#include "base/io.h"
#include "base/log.h"

#include "base/banned.h"

enum { READ_BYTES = 64 * 1024, ROUNDS = 16 };

static void on_ready(struct watch *watch, short revents);

static void on_tick(struct timer *t)
{
    struct wire *w = t->arg;
    w->due = true;
}

void wire_init(struct wire *w, int fd)
{
    if (pn_connection_driver_init(&w->driver, NULL, NULL) != 0)
        die_oom();
    io_nonblock(fd);
    io_cloexec(fd, true);
    /* without it a write that ends inside a segment waits for a delayed acknowledgement: 40 ms, measured */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    w->watch = (struct watch){.fd = fd, .events = POLLIN, .ready = on_ready, .arg = w};
    w->tick = (struct timer){.at = NEVER, .fire = on_tick, .arg = w};
}

void wire_start(struct wire *w)
{
    loop_add(w->loop, &w->watch);
    w->due = true;
}

static void stop(struct wire *w, bool reading, const char *what)
{
    if (errno)
        pn_connection_driver_errorf(&w->driver, "proton:io", "cannot %s: %s", what, strerror(errno));
    if (reading)
        pn_connection_driver_read_close(&w->driver);
    else
        pn_connection_driver_write_close(&w->driver);
}

static void on_ready(struct watch *watch, short revents)
{
    struct wire *w = watch->arg;
    w->due = true;
    pn_rwbytes_t room = pn_connection_driver_read_buffer_sized(&w->driver, READ_BYTES);
    if (w->deaf || !room.size || !(revents & (POLLIN | POLLHUP | POLLERR)))
        return;
    ssize_t n = recv(watch->fd, room.start, room.size, 0);
    if (n > 0) {
        pn_connection_driver_read_done(&w->driver, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        errno = n == 0 ? 0 : errno;
        stop(w, true, "read");
    }
}

/* False when nothing is left, or the socket takes no more. */
static bool write_some(struct wire *w)
{
    pn_bytes_t bytes = pn_connection_driver_write_buffer(&w->driver);
    if (!bytes.size)
        return false;
    ssize_t n = send(w->watch.fd, bytes.start, bytes.size, MSG_NOSIGNAL);
    if (n >= 0)
        pn_connection_driver_write_done(&w->driver, (size_t)n);
    else if (errno != EAGAIN && errno != EINTR)
        stop(w, false, "write");
    return n >= 0;
}

static void events(struct wire *w)
{
    pn_event_t *e;
    while ((e = pn_connection_driver_next_event(&w->driver)))
        w->event(w, e);
}

static void rearm(struct wire *w)
{
    bool reads = !w->deaf && pn_connection_driver_read_buffer(&w->driver).size;
    bool writes = pn_connection_driver_write_buffer(&w->driver).size;
    w->watch.events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
    /* without interest poll would still report, and spin on, a hang-up */
    w->watch.off = w->frozen || !w->watch.events;
    int64_t next = w->frozen ? 0 : pn_transport_tick(w->driver.transport, clock_ms());
    loop_timer(w->loop, &w->tick, next ? next : NEVER);
}

void wire_turn(struct wire *w)
{
    bool more = !w->frozen;
    w->due = false;
    for (int i = 0; more && i < ROUNDS; i++) {
        events(w);
        if (w->fill)
            w->fill(w);
        more = write_some(w);
    }
    if (w->drop && !w->frozen && !pn_connection_driver_write_buffer(&w->driver).size)
        wire_abort(w);
    if (!w->frozen)
        events(w);
    if (pn_connection_driver_finished(&w->driver))
        w->gone(w);
    else
        rearm(w);
}

void wire_abort(struct wire *w)
{
    /* errno free: proton then reports an aborted connection */
    w->drop = w->frozen = w->deaf = false;
    pn_connection_driver_read_close(&w->driver);
    pn_connection_driver_write_close(&w->driver);
    w->due = true;
}

void wire_end(struct wire *w)
{
    loop_remove(w->loop, &w->watch);
    loop_timer(w->loop, &w->tick, NEVER);
    pn_connection_driver_destroy(&w->driver);
    close(w->watch.fd);
    w->watch.fd = -1;
}
