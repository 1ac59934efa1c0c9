/* js_api.h: the functions of JavaScriptCore that we use, loaded when somebody has a script.
 *
 * The types are those of the library's headers; nothing links it. js.f(…) calls f. */
#ifndef MAPPING_JS_API_H
#define MAPPING_JS_API_H

#include <stdbool.h>
#include <JavaScriptCore/JavaScript.h>

#include "base/buf.h"

/* Exported since 2012 and used by GLib's binding, but in no header. The callback may return false to go on. */
typedef bool (*JSShouldTerminateCallback)(JSContextRef context, void *arg);
void JSContextGroupSetExecutionTimeLimit(JSContextGroupRef group, double seconds,
                                         JSShouldTerminateCallback should, void *arg);

#define JS_FUNCTIONS(_)                                                                                      \
    _(JSContextGetGlobalObject)                                                                              \
    _(JSContextGroupCreate)                                                                                  \
    _(JSContextGroupSetExecutionTimeLimit)                                                                   \
    _(JSEvaluateScript)                                                                                      \
    _(JSGlobalContextCreateInGroup)                                                                          \
    _(JSObjectCallAsFunction)                                                                                \
    _(JSObjectGetArrayBufferByteLength)                                                                      \
    _(JSObjectGetArrayBufferBytesPtr)                                                                        \
    _(JSObjectGetProperty)                                                                                   \
    _(JSObjectMakeArrayBufferWithBytesNoCopy)                                                                \
    _(JSObjectMakeFunctionWithCallback)                                                                      \
    _(JSStringCreateWithCharacters)                                                                          \
    _(JSStringCreateWithUTF8CString)                                                                         \
    _(JSStringGetLength)                                                                                     \
    _(JSStringGetMaximumUTF8CStringSize)                                                                     \
    _(JSStringGetUTF8CString)                                                                                \
    _(JSStringRelease)                                                                                       \
    _(JSValueIsObject)                                                                                       \
    _(JSValueIsString)                                                                                       \
    _(JSValueMakeFromJSONString)                                                                             \
    _(JSValueMakeBoolean)                                                                                    \
    _(JSValueMakeNull)                                                                                       \
    _(JSValueMakeNumber)                                                                                     \
    _(JSValueMakeString)                                                                                     \
    _(JSValueMakeUndefined)                                                                                  \
    _(JSValueProtect)                                                                                        \
    _(JSValueToNumber)                                                                                       \
    _(JSValueToStringCopy)

#define JS_DECLARE(f) __typeof__(f) *f;
extern struct js_api {
    JS_FUNCTIONS(JS_DECLARE)
} js;

/* 0, or -1 with a reason of one line appended to why. */
int js_open(struct buf *why);

#endif
