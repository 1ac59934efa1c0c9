/* verdicts.h: answers that wait for what the supervisor makes of a change (HACKING.md, "The store's socket").
 *
 * The answer of success stands in the peer's queue already; it is held back there, with what comes behind it, until a verdict
 * lets it go or an error takes its place. Part of the server: see server_parts.h. */
#ifndef STORE_VERDICTS_H
#define STORE_VERDICTS_H

#include "store/peer.h"

enum { VERDICT_MS = 55 * 1000 }; /* Ditto's client-actor-ask-timeout */

/* Is somebody there who gives verdicts? */
bool verdicts_expected(const struct server *s);
/* The last line of p's answers, from this byte on, waits. */
void verdicts_await(struct peer *p, size_t at);
/* A verdict: {"connectionId":…,"revision":…,"status":…,"error":…}. 0, or -1 if it is none. */
int verdicts_take(struct server *s, struct json verdict);
/* Answers all that wait with an error. */
void verdicts_give_up(struct server *s, const char *why);
/* Forgets what waits from this byte of the answers on. */
void verdicts_drop(struct peer *p, size_t from);

#endif
