/* log.h: one-line messages on stderr, and the exit codes of the suite.
 *
 * A line reads `prog[ instance]: level: text`, level being error, warning, info or debug; control bytes are
 * escaped as \xNN, so that one call is one line. Two families: with errno (the _sys ones append `: <strerror>`;
 * errno is preserved) and without. Texts are lower case: `cannot <verb> '<object>': <reason>`.
 * Each message is one write(2) of at most 4096 bytes. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdnoreturn.h>

enum {
    EXIT_DONE = 0,
    EXIT_NEGATIVE = 1,    /* a negative answer */
    EXIT_TIMEOUT = 99,    /* timed out */
    EXIT_PERMANENT = 100, /* bad usage or configuration: do not restart */
    EXIT_BUG = 101,
    EXIT_TEMPORARY = 111, /* restart me */
};

enum log_level { LOG_QUIET = -1, LOG_NORMAL = 0, LOG_VERBOSE = 1, LOG_TRACE = 2 };

/* name and instance are borrowed for the life of the process; instance may be NULL. */
void log_init(const char *name, const char *instance);
void log_set_level(enum log_level level);
bool log_at(enum log_level level);

/* Called with the text of each error (also of those that end the process), without program and level, after it was
 * logged; one hook. */
void log_on_error(void (*hook)(const char *text));

#define LOG_PRINTF __attribute__((format(printf, 1, 2)))
void warn(const char *fmt, ...) LOG_PRINTF; /* warning, unless quiet */
void warn_sys(const char *fmt, ...) LOG_PRINTF;
void error(const char *fmt, ...) LOG_PRINTF; /* error, always */
void error_sys(const char *fmt, ...) LOG_PRINTF;
void notice(const char *fmt, ...) LOG_PRINTF; /* info, always: what was asked for (USR1) */
void info(const char *fmt, ...) LOG_PRINTF;   /* with -v */
void trace(const char *fmt, ...) LOG_PRINTF;  /* with -vv */
/* error, then exit(code) */
noreturn void die(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
noreturn void die_sys(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
noreturn void die_oom(void);
/* what cannot happen: exit 101 */
noreturn void bug(const char *fmt, ...) LOG_PRINTF;

#endif
