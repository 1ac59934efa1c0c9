/* source.h: the engine of every source: deliveries become lines on stdout, settlements on stdin settle them.
 *
 * Each delivery takes a place in the window of its lane until it is settled at its peer: accept and reject at once,
 * redeliver after a pause (1 s, doubling with each attempt up to 30 s). The window of a source is shared out evenly among
 * its lanes, at least one place each (window.h). A delivery that nobody settles for expire_ms after the later of its
 * dispatch and the last settlement of an earlier one is redelivered. Where the peer has no redelivery, what was redelivered
 * `redeliveries` times is given up: rejected, counted, logged. The engine never blocks: it polls stdin and stdout
 * together; deliveries are held back while 16 MiB wait for stdout.
 *
 * TERM or INT: intake stops, the window drains for up to drain_ms (what waits for its redelivery is given back at once),
 * then 0; a second one ends it now. EOF on stdin or a broken stdout: 111, the unsettled stays with the peer. USR1:
 * counters on stderr. */
#ifndef TRANSPORT_SOURCE_H
#define TRANSPORT_SOURCE_H

#include "transport/transport.h"

enum settle_mode {
    SETTLE_RING,  /* when the settlement comes home on stdin */
    SETTLE_WRITE, /* when the line is written to stdout; stdin is not read */
    SETTLE_NONE,  /* by the peer, before it sends; lines carry no id */
};

/* "ring", "write" or "none". 0, or -1. */
int source_mode(const char *text, enum settle_mode *out);

struct source_config {
    const struct transport *transport;
    const struct connection *connection;
    int only; /* -k; -1: all sources */
    unsigned client;
    enum settle_mode mode;
    unsigned window;       /* messages in flight a source */
    unsigned redeliveries; /* at most, where the transport redelivers by itself */
    msec expire_ms, drain_ms, connect_ms;
    bool
        retry; /* -r: a lost peer is not the end (engine_retry); what was in flight is forgotten, the peer has it */
    int ready_fd; /* -1: none */
};

/* Runs until it ends; returns the exit code. */
int source_run(const struct source_config *cfg);

#endif
