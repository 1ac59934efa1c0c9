/* ring.h: the processes of one ring: starting them, noticing their end, ending them.
 *
 *     closed with a pipe (hub < 0):   part 0 → part 1 → … → part n-1 → part 0
 *     hung on a socket of the hub:    socket → part 0 → … → part n-1 → socket
 *
 * Every part has a process group of its own, so that a terminal's ^C reaches only who started the ring, and dies with it
 * (PR_SET_PDEATHSIG): no orphan outlives a killed starter. Descriptors other than the handed ones are closed in the
 * children because everything here is close-on-exec.
 *
 * Ownership: struct ring owns processes, not descriptors; the caller keeps and closes what it handed over. */
#ifndef SUPERVISE_RING_H
#define SUPERVISE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { RING_PARTS_MAX = 16, HANDED_MAX = 4 };

/* Of each process; 0: as ours. They hold for what it forks, too, each process by itself. */
struct part_limits {
    size_t memory_bytes; /* of data: RLIMIT_DATA */
    unsigned files;      /* RLIMIT_NOFILE */
    int nice;            /* added to ours */
};

struct part {
    const char *argv[16]; /* argv[0] is looked for beside this program, then on PATH; NULL-ended */
    struct {
        int fd, as; /* our descriptor, its number in the child (3…) */
    } handed[HANDED_MAX];
    size_t n_handed;
    const char *env; /* one more "NAME=value", or NULL */
    struct part_limits limits;
};

struct ring {
    size_t n, alive;
    pid_t pids[RING_PARTS_MAX]; /* 0: ended */
    size_t culprit;             /* the part that failed first; n: none did */
    int code;                   /* its exit code; 111 when a signal ended it; 0 as long as nobody failed */
    int signo;                  /* that signal, or 0 */
    bool stopping;              /* signals that we sent are no failures */
};

/* Starts all parts. 0, or -1 with errno (nothing is left running). */
int ring_start(struct ring *r, const struct part *parts, size_t n, int hub);
/* To be told of every reaped child. Was it one of this ring's? */
bool ring_reaped(struct ring *r, pid_t pid, int wait_status);
/* Asks the source to stop; the rest follows by end of file. */
void ring_stop(struct ring *r);
/* Ends what is left of a ring that failed: TERM, which is then no failure of those that it ends. */
void ring_end(struct ring *r);
/* Signals the process groups of all parts that are left. */
void ring_signal(struct ring *r, int signo);

#endif
