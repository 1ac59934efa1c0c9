#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

enum { MESSAGE_MAX = 4096 };

static const char *prog = "?";
static const char *inst;
static enum log_level level = LOG_NORMAL;
static void (*error_hook)(const char *text);

void log_init(const char *name, const char *instance)
{
    prog = name;
    inst = instance;
}

void log_set_level(enum log_level l)
{
    level = l;
}

void log_on_error(void (*hook)(const char *text))
{
    error_hook = hook;
}

bool log_at(enum log_level l)
{
    return level >= l;
}

/* snprintf's answer, cut to what is there */
static size_t fitted(int n, size_t room)
{
    return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static size_t escape(char *dst, size_t room, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool control = c < ' ' || c == 0x7f;
        if (n + (control ? 4 : 1) > room)
            break;
        if (control) {
            dst[n++] = '\\';
            dst[n++] = 'x';
            dst[n++] = hex[c >> 4];
            dst[n++] = hex[c & 15];
        } else {
            dst[n++] = (char)c;
        }
    }
    return n;
}

__attribute__((format(printf, 3, 0))) static void put(const char *kind, int err, const char *fmt, va_list ap)
{
    char text[MESSAGE_MAX], line[MESSAGE_MAX];
    int saved = errno;
    size_t n =
        fitted(snprintf(text, sizeof text, "%s%s%s: %s: ", prog, inst ? " " : "", inst ? inst : "", kind),
               sizeof text);
    const char *said = text + n;
    n += fitted(vsnprintf(text + n, sizeof text - n, fmt, ap), sizeof text - n);
    if (err)
        (void)snprintf(text + n, sizeof text - n, ": %s", strerror(err));
    n = escape(line, sizeof line - 1, text);
    line[n++] = '\n';
    while (write(2, line, n) < 0 && errno == EINTR)
        continue;
    if (error_hook && strncmp(kind, "error", 5) == 0)
        error_hook(said);
    errno = saved;
}

/* One function a level, in two families. */
#define DEFINE(name, kind, least, err)                                                                       \
    void name(const char *fmt, ...)                                                                          \
    {                                                                                                        \
        if (level < (least))                                                                                 \
            return;                                                                                          \
        va_list ap;                                                                                          \
        va_start(ap, fmt);                                                                                   \
        put(kind, err, fmt, ap);                                                                             \
        va_end(ap);                                                                                          \
    }

DEFINE(warn, "warning", LOG_NORMAL, 0)
DEFINE(warn_sys, "warning", LOG_NORMAL, errno)
DEFINE(error, "error", LOG_QUIET, 0)
DEFINE(error_sys, "error", LOG_QUIET, errno)
DEFINE(notice, "info", LOG_QUIET, 0)
DEFINE(info, "info", LOG_VERBOSE, 0)
DEFINE(trace, "debug", LOG_TRACE, 0)

void die(int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put("error", 0, fmt, ap);
    va_end(ap);
    exit(code);
}

void die_sys(int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put("error", errno, fmt, ap);
    va_end(ap);
    exit(code);
}

void die_oom(void)
{
    die(EXIT_TEMPORARY, "cannot get memory");
}

void bug(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put("error: bug", 0, fmt, ap);
    va_end(ap);
    exit(EXIT_BUG);
}
