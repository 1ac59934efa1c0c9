#include "mapping/js_api.h"

#include <dlfcn.h>

#include "base/banned.h"

#define LIBRARY "libjavascriptcoregtk-4.1.so.0"

struct js_api js;

static void *library;

/* ISO C knows no conversion from an object's address to a function's: the bytes are copied. */
static int find(const char *name, void *to, struct buf *why)
{
    void *at = dlsym(library, name);
    if (at)
        memcpy(to, &at, sizeof at);
    else
        buf_printf(why, LIBRARY " has no %s", name);
    return at ? 0 : -1;
}

#define JS_FIND(f)                                                                                           \
    if (find(#f, &js.f, why) < 0)                                                                            \
        return -1;

int js_open(struct buf *why)
{
    library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        buf_puts(why, dlerror());
        return -1;
    }
    JS_FUNCTIONS(JS_FIND)
    return 0;
}
