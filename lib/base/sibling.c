#include "base/sibling.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/banned.h"

/* The path of a file beside this program. */
static int beside(char *path, size_t size, const char *name)
{
    ssize_t n = readlink("/proc/self/exe", path, size - 1);
    if (n <= 0)
        return -1;
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    size_t room = slash ? size - (size_t)(slash + 1 - path) : 0;
    int len = slash ? snprintf(slash + 1, room, "%s", name) : -1;
    return len >= 0 && (size_t)len < room ? 0 : -1;
}

noreturn void exec_sibling(const char *const *argv)
{
    char path[PATH_MAX];
    char *const *args = (char *const *)(uintptr_t)argv;
    if (!strchr(argv[0], '/') && beside(path, sizeof path, argv[0]) == 0)
        (void)execv(path, args);
    (void)execvp(argv[0], args);
    int code = errno == ENOENT ? 127 : 126;
    error_sys("cannot run '%s'", argv[0]);
    _exit(code);
}
