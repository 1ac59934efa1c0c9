/* lockdown.h: what a process of ditto-map may still do once it reads messages.
 *
 * A seccomp filter for life: system calls that are not in the list of the role end the process (SIGSYS), except opening
 * a file, which fails with EPERM where libc only probes. Memory cannot be made executable. Descriptors that are open stay
 * usable; that is all the authority there is. */
#ifndef MAPPING_LOCKDOWN_H
#define MAPPING_LOCKDOWN_H

#include <stdbool.h>
#include <stddef.h>

enum lockdown {
    LOCKDOWN_FILTER, /* reads, writes, waits; takes descriptors from its zygote */
    LOCKDOWN_ZYGOTE, /* forks and ends workers; sends descriptors; may still lock down further */
    LOCKDOWN_WORKER, /* reads and writes its socket; sets its timer */
    /* The same for engines that start threads: the worker's filter is on all threads that there are and will be. What such
     * a library tries from version to version is its own business: other calls fail with ENOSYS. */
    LOCKDOWN_ZYGOTE_OF_THREADS,
    LOCKDOWN_WORKER_OF_THREADS,
};

enum lockdown_result {
    LOCKDOWN_ON,
    LOCKDOWN_SANITIZED,   /* built with sanitizers, which need more: nothing was done */
    LOCKDOWN_UNSUPPORTED, /* the kernel has no seccomp; errno says what it said */
};
enum lockdown_result lockdown_enter(enum lockdown role);

/* No cores, no files written (unless may_write_files), few descriptors, at most memory_bytes of address space (0: no
 * limit; none under sanitizers either). Limits that are tighter already stay. */
void lockdown_limits(size_t memory_bytes, bool may_write_files, unsigned max_fds);

#endif
