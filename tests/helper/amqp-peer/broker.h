/* broker.h: the container: connections, links, a queue per address, settlement. One per process.
 *
 * Nothing blocks; all work is done in the before-poll hook of the loop. What it prints is described in amqp-peer.c. */
#ifndef AMQP_PEER_BROKER_H
#define AMQP_PEER_BROKER_H

#include "fault.h"
#include "load.h"
#include "login.h"
#include "message.h"
#include "base/loop.h"

struct broker_settings {
    struct loop *loop;
    int fd;                          /* a listening socket */
    unsigned long credit;            /* of client senders */
    unsigned long frame_bytes;       /* frame size to announce, with a session window of 4 of them; 0: none */
    unsigned long idle_ms;           /* idle timeout to announce; 0: none */
    unsigned long max_message_bytes; /* to announce; 0: none */
    enum load_form form;             /* of what is generated */
    bool relay;                      /* offer the anonymous terminus */
    struct login login;
    void (*changed)(void); /* called after each round: has what it waits for come true? */
};

/* Settings are borrowed for the life of the process. */
void broker_start(const struct broker_settings *settings);

/* A message for an address; encoded is copied. */
void broker_message(struct slice address, struct slice encoded, struct header h, bool settled);
/* A load for an address; rate 0: as credit allows. -1 if that address still has one. */
int broker_generate(struct slice address, uint64_t count, uint64_t bytes, uint64_t rate);

/* Carries a cut out now, on every link (session, connection) it matches. */
void broker_cut(const struct fault *f);
/* The modes deaf and frozen changed. */
void broker_apply_modes(void);
/* To client senders of that address (NULL: all). */
void broker_credit(const char *address, int credit);
void broker_drain(const char *address);

/* Have there been messages, and are all of them settled for good? */
bool broker_done(void);
/* Closes every connection in good order and accepts no more; broker_empty tells when they are gone. */
void broker_close(void);
bool broker_empty(void);
void broker_summaries(void);
/* Prints how long messages were under way, of each address. */
void broker_times(void);

#endif
