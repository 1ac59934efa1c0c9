/* js_value.h: texts, bytes and JSON into values of JavaScriptCore, and back (js_run.c's own). */
#ifndef MAPPING_JS_VALUE_H
#define MAPPING_JS_VALUE_H

#include "mapping/js_api.h"

/* A text without NUL bytes, to be released. */
JSStringRef js_string(struct slice s);
/* JSON text that is valid. */
JSValueRef js_json(JSContextRef context, struct slice json);
/* A text, which may hold NUL bytes. */
JSValueRef js_text(JSContextRef context, struct slice s);
/* Bytes as text, in the charset of the content type. */
JSValueRef js_decoded(JSContextRef context, struct slice bytes, struct slice content_type);
/* An ArrayBuffer with a copy of the bytes. */
JSValueRef js_bytes(JSContextRef context, struct slice bytes);
/* base64(buffer, offset, length): a part of an ArrayBuffer as text; null if there is no such part. */
JSValueRef js_base64(JSContextRef context, JSObjectRef function, JSObjectRef this, size_t n,
                     const JSValueRef arguments[], JSValueRef *thrown);
/* NULL if it cannot be had. */
JSValueRef js_property(JSContextRef context, JSValueRef object, const char *name);

enum { JS_OUTPUT_MAX_BYTES = 32 * 1024 * 1024 };
/* Appends what it says in UTF-8. 0, or -1 if it is too long, or says nothing (v may be NULL). */
int js_put_value(struct buf *dst, JSContextRef context, JSValueRef v);

#endif
