/* transport.h: one adapter a file (amqp10.c, mqtt.c, null.c), all behind one interface.
 *
 * An adapter speaks a protocol and nothing else: it opens one connection to a peer, turns what arrives into lines and
 * lines into what leaves, and tells its engine how each message ended. What all sources or all sinks share (windows, ids,
 * pauses, stdin and stdout, signals, exit codes) is in the two engines, source.c and sink.c. A new transport is one file
 * with a `const struct transport`, a main of a few lines and a man page.
 *
 * An adapter runs inside the engine's loop: it adds its own watches and timers, never blocks (but for the resolver, see
 * tcp.h), and never exits. */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include "base/loop.h"
#include "base/opt.h"
#include "connection/connection.h"
#include "line/line.h"

struct channel; /* an adapter's own: one connection to a peer, with its links or subscriptions */

enum { PAYLOAD_MAX_BYTES = 16 * 1024 * 1024 };

/* What a window is kept for: one address of a source and one of its consumers, or a whole source. */
struct lane {
    unsigned source;      /* index into the connection's sources */
    struct slice address; /* SLICE_NONE: all of the source's */
    unsigned consumer;
};

/* A message on its way out. Everything borrows the line it came from, until publish returns. */
struct outgoing {
    struct slice address;
    struct json headers; /* object of strings, or absent */
    struct slice body;   /* decoded bytes; SLICE_NONE without a payload */
    bool text;           /* the body came as text */
    int qos;             /* of the target; -1: the transport's default */
};

/* What the adapter tells its engine, at any time, even from inside a call of the engine's. A source's engine sets the
 * first group, a sink's the second, both the third. */
struct channel_user {
    void *arg;

    /* A message of a lane arrived. attempt: how often it was tried before, as far as the peer says. The engine begins
     * the line up to `"context":{…}` and returns the buffer; the adapter appends `,"headers":{…}` and a payload
     * (transport_put_payload), then calls end. handle comes back in settle. */
    struct buf *(*begin)(void *arg, size_t lane, struct slice address, void *handle, unsigned attempt);
    void (*end)(void *arg);
    /* The adapter itself refused a message of a lane (too large, malformed) and has settled it. */
    void (*refused)(void *arg, size_t lane);

    /* The fate of a published message: done, or an error (why->status). */
    void (*confirmed)(void *arg, void *ticket, const struct ditto_error *why);
    /* The channel can take more after publish said it is full. */
    void (*writable)(void *arg);

    /* The peer confirmed all that was asked for (links attached, CONNACK and SUBACKs seen): readiness. Once. */
    void (*opened)(void *arg);
    /* The channel is gone or never came up. exit_code 100 or 111 and why (lower case, without an object); 0 and NULL
     * after close. The engine makes no call after that but free, and not from inside this one. */
    void (*closed)(void *arg, int exit_code, const char *reason);
};

struct channel_config {
    struct loop *loop;
    const struct connection *connection;
    const struct lane *lanes; /* sources */
    size_t n_lanes;
    unsigned client;       /* index of the client, for clientCount > 1 */
    bool presettled;       /* sources: nothing will be settled (-S none) */
    unsigned window;       /* sources: what is granted at first, of all lanes together */
    unsigned redeliveries; /* sources: how often a transport that redelivers by itself does it */
    msec connect_ms;       /* how long opening may take */
};

struct transport {
    const char *name;
    const char *libraries; /* names and versions for -V */
    bool lane_per_address; /* a lane for each address and consumer; else one for each source */
    /* Can this connection be served? 0, or -1 with connection.configuration.invalid naming what cannot. No I/O. */
    int (*check)(const struct connection *c, struct ditto_error *err);
    /* Starts to connect. Never NULL; what fails is told by closed. */
    struct channel *(*open)(const struct channel_config *cfg, const struct channel_user *user);
    /* Ends it in order (closing frames where the peer still listens), then calls closed(0). */
    void (*close)(struct channel *ch);
    /* Before every poll: write what was gathered. May be NULL. */
    void (*flush)(struct channel *ch);
    /* Frees at once, whatever state it is in. Nothing is called back. */
    void (*free)(struct channel *ch);

    /* sources */
    /* Lets n more messages of a lane come. */
    void (*grant)(struct channel *ch, size_t lane, unsigned n);
    /* Carries out a message's fate at the peer; the handle is gone afterwards. */
    void (*settle)(struct channel *ch, void *handle, enum line_class fate);
    /* Was this message redelivered as often as the transport does by itself? Then it is rejected. NULL: the peer counts. */
    bool (*spent)(struct channel *ch, void *handle);
    /* While held, arriving messages stay inside the adapter and its peer's flow control; heartbeats go on. */
    void (*hold)(struct channel *ch, bool held);
    /* Intake ends: what was granted is taken back, what still arrives goes back to the peer. */
    void (*stop)(struct channel *ch);

    /* sinks */
    /* 1: taken; confirmed(ticket) follows, maybe even before publish returns. 0: full, offer it again after writable.
     * -1: refused, *err says why. */
    int (*publish)(struct channel *ch, const struct outgoing *m, void *ticket, struct ditto_error *err);
};

/* Appends `,"text":"…"` if the bytes are valid UTF-8 and fit escaped, else `,"bytes":"…"`. */
void transport_put_payload(struct buf *line, struct slice bytes);

/* An address as logs and reports may show it: without the secrets that it may hold. Valid until the next call. */
const char *transport_shown(struct slice address);

enum side { SIDE_SOURCE, SIDE_SINK };

/* The connection of a program's command line: -c PATH, or for the shell a URI and, for a source, addresses (then type is
 * Ditto's connectionType). User information in a URI on the command line is refused: secrets do not belong into argv.
 * From then on log lines name the connection's id, if it came from a file.
 * 0 with *c filled, or an exit code, the reason logged (wrong operands: the synopsis, 100). */
int transport_configure(struct connection *c, const struct program *prog, const char *path, const char *type,
                        char **operands, size_t n, int qos, enum side side);
/* Is there a source or target `only` (-1: any), and can the transport serve the connection? 0 or 100, the reason logged. */
int transport_judge(const struct transport *t, const struct connection *c, int only, enum side side);
/* For an adapter's check: what no transport has (an SSH tunnel, credentials that are not those of a client certificate)
 * is refused by name; no NUL where the libraries take C strings. 0, or -1 with connection.configuration.invalid. */
int transport_check_ends(const struct connection *c, struct ditto_error *err);

#endif
