/* lock.h: locks that go with their process, however it goes: flock(2) on a file that stays.
 *
 * They tell an active process from its standby. Before any loop: waiting blocks. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

/* Makes the file (mode 0600) if there is none, and locks it. The descriptor (close-on-exec), or -1 with errno: EWOULDBLOCK
 * if somebody else has it. */
int lock_now(const char *path);
/* The same, however long it takes; says what it waits for. A TERM or INT meanwhile ends the process with 0. */
int lock_wait(const char *path);

#endif
