#include "store/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/banned.h"

int log_fail(struct log_error *err, int exit_code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err->exit_code = exit_code;
    (void)vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return -1;
}
