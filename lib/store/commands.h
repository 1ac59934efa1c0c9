/* commands.h: connectivity commands ("Signals", connectivity.commands:…), from a line to its answer.
 *
 * What a command means stands in one table (commands.c); a new command is a new row and a function. Headers that count:
 * if-match, if-none-match (entity tags "rev:N"), expected-revision (ours: the entity-revision of the last answer, 0 for a
 * connection that never was), at-historical-revision, at-historical-timestamp, ditto-sudo, response-required, wait-for-verdict. */
#ifndef STORE_COMMANDS_H
#define STORE_COMMANDS_H

#include "store/answer.h"
#include "store/store.h"

enum { CALL_ANSWER_BYTES = 16 * 1024 * 1024 }; /* of one answer about many connections */

struct asker {
    bool secrets;    /* may see secrets, if the line asks for them */
    bool supervised; /* somebody is there who knows about live state */
    bool judged;     /* somebody is there who says what becomes of what is changed */
};

enum outcome {
    COMMAND_ANSWERED, /* the answer is in out, if one is wanted; to be sent after store_commit */
    COMMAND_FORWARD, /* a question about live state: out is untouched, the answer comes from the supervisor */
    COMMAND_TELL,    /* the supervisor is to be told; nobody answers */
    COMMAND_AWAIT,   /* the answer in out is to be sent when the supervisor's verdict agrees (verdicts.h) */
};

/* line: an object with the member "signal", checked by json_parse. */
enum outcome commands_run(struct store *s, struct json line, struct asker asker, struct buf *out);

#endif
