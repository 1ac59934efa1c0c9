/* process.h: a program between two pipes, and what a process has used, for test programs and benchmarks. */
#ifndef HELPER_PROCESS_H
#define HELPER_PROCESS_H

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

/* Starts cmd: what is written to *in is its stdin, *out its stdout. Its pid; ends with 111 if it cannot. */
static inline pid_t process_between(char **cmd, int *in, int *out)
{
    int to[2], from[2];
    pid_t pid;
    if (pipe(to) != 0 || pipe(from) != 0 || (pid = fork()) < 0)
        die_sys(EXIT_TEMPORARY, "cannot start '%s'", cmd[0]);
    if (pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        for (int fd = 3; fd < 16; fd++)
            close(fd);
        execvp(cmd[0], cmd);
        die_sys(127, "cannot run '%s'", cmd[0]);
    }
    close(to[0]);
    close(from[1]);
    *in = to[1];
    *out = from[0];
    return pid;
}

/* Nanoseconds on a CPU so far (proc(5), schedstat); 0 if there is no such process. */
static inline unsigned long long process_cpu_ns(unsigned long pid)
{
    char name[64];
    unsigned long long ns = 0;
    snprintf(name, sizeof name, "/proc/%lu/schedstat", pid);
    FILE *f = pid ? fopen(name, "r") : NULL;
    if (f && fscanf(f, "%llu", &ns) != 1)
        ns = 0;
    if (f)
        fclose(f);
    return ns;
}

#endif
