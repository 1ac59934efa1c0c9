/* twin.h: digital twins as a service: lines in, lines out.
 *
 * A twin consumes twin commands on things and commands on policies, as Ditto Protocol messages or as signals, and the
 * settlements of its own events; all other lines pass. For a command that changes something it writes the event, with an id
 * of its own, and behind it the answer, with the command's id, in the form that the command had.
 *
 * Lines are taken in batches: nothing that was appended to out may be written before twin_commit returned true. If it
 * returns false, out is worth nothing and the whole batch is taken again, its changes refused.
 *
 * Ownership: a twin owns its journal; out belongs to the caller. */
#ifndef TWIN_TWIN_H
#define TWIN_TWIN_H

#include "protocol/adapter.h"
#include "twin/journal.h"

struct twin_stats {
    uint64_t commands, changes, refused, repeated, passed, events;
};

struct twin {
    struct journal journal;
    struct adapter *to_signal, *to_protocol;
    struct command command;
    struct buf signal, line, event, answer, text, context, model, metadata, shown, readers;
    struct twin_stats stats;
    size_t max_thing, max_policy; /* bytes */
    bool enforce;                 /* policies count */
    bool refusing;                /* changes are refused: they could not be kept */
};

/* The journal is open already. */
void twin_init(struct twin *t);
/* Without the journal. */
void twin_free(struct twin *t);
/* Takes a line (without '\n'). */
void twin_take(struct twin *t, struct slice raw, struct buf *out);
void twin_take_long(struct twin *t, struct slice head, struct buf *out);
/* Events that are not out as far as we know. full is called where out has grown. */
int twin_put_unpublished(struct twin *t, struct buf *out, void (*full)(struct buf *out));

/* Private to lib/twin: */
/* Carries out t->command. */
void twin_execute(struct twin *t, struct buf *out);
/* A line of these members (see answer.h); id: as it stands between quotes, SLICE_NONE: none; context: an object or
 * SLICE_NONE. */
void twin_put_line(struct twin *t, struct buf *out, struct slice id, struct slice members,
                   struct slice context, bool protocol);
/* The event of a change that is in the log. */
void twin_put_event(struct twin *t, struct buf *out, uint64_t position, struct json payload,
                    struct slice cause);

#endif
