/* sink.h: the engine of every sink: external messages on stdin are published, their fate goes to stdout.
 *
 * A line with an id is settled once the peer confirmed it: {"id":…,"status":200}, or its error. A line without an id
 * is published all the same. Lines of other kinds pass through to stdout at once, in their order among themselves: they
 * do not wait for what is unconfirmed. At most `window` messages (and 16 MiB of them) are unconfirmed, at most 1 MiB waits
 * for stdout; at that point stdin is left unread: the backpressure of the ring.
 *
 * A line that is no JSON, of no kind, or over 32 MiB is logged and counted, and settled with its error (400, 413) if its
 * id can be read; the process goes on. EOF on stdin, TERM or INT: what is unconfirmed drains for up to drain_ms, then 0
 * (111 if the last line was cut off, or the limit came first). A stdout that nobody reads: 0 if nothing is unconfirmed,
 * since then its ring ends in order, else 111. A lost peer: 111, what is unconfirmed stays unsettled; with retry it is
 * published again, in its old order, once the peer is back. USR1: counters on stderr. */
#ifndef TRANSPORT_SINK_H
#define TRANSPORT_SINK_H

#include "transport/transport.h"

struct sink_config {
    const struct transport *transport;
    const struct connection *connection;
    int only; /* -k: the target of lines whose context names none; -1: none */
    int qos;  /* where no target says; -1: the transport's default */
    unsigned client;
    unsigned window;
    msec drain_ms, connect_ms;
    bool retry;   /* -r: a lost peer is not the end (engine_retry) */
    int ready_fd; /* -1: none */
};

/* Runs until it ends; returns the exit code. */
int sink_run(const struct sink_config *cfg);

#endif
