#include "mapping/js_value.h"

#include <stdlib.h>

#include "base/base64.h"
#include "json/json.h"
#include "mapping/charset.h"

#include "base/banned.h"

static struct buf text;

JSStringRef js_string(struct slice s)
{
    buf_cut(&text, 0);
    buf_put_slice(&text, s);
    return js.JSStringCreateWithUTF8CString(buf_z(&text));
}

JSValueRef js_json(JSContextRef context, struct slice json)
{
    JSStringRef s = js_string(json);
    JSValueRef v = js.JSValueMakeFromJSONString(context, s);
    js.JSStringRelease(s);
    return v ? v : js.JSValueMakeNull(context);
}

JSValueRef js_text(JSContextRef context, struct slice s)
{
    struct buf quoted = {0};
    bool plain = !memchr(s.p, '\0', s.len);
    if (!plain)
        json_put_text(&quoted, s);
    JSStringRef z = plain ? js_string(s) : NULL;
    JSValueRef v = plain ? js.JSValueMakeString(context, z) : js_json(context, buf_slice(&quoted));
    if (plain)
        js.JSStringRelease(z);
    buf_free(&quoted);
    return v;
}

JSValueRef js_decoded(JSContextRef context, struct slice bytes, struct slice content_type)
{
    struct buf utf8 = {0};
    charset_put(&utf8, bytes, content_type);
    JSValueRef v = js_text(context, buf_slice(&utf8));
    buf_free(&utf8);
    return v;
}

static void free_bytes(void *bytes, void *arg)
{
    (void)arg;
    free(bytes);
}

JSValueRef js_bytes(JSContextRef context, struct slice bytes)
{
    char *copy = xstrndup(bytes.p, bytes.len);
    JSObjectRef buffer =
        js.JSObjectMakeArrayBufferWithBytesNoCopy(context, copy, bytes.len, free_bytes, NULL, NULL);
    return buffer ? buffer : js.JSValueMakeNull(context);
}

/* Appends it in UTF-8; -1 if it is too long. */
static int put_string(struct buf *dst, JSStringRef s)
{
    size_t most = js.JSStringGetMaximumUTF8CStringSize(s);
    if (js.JSStringGetLength(s) > JS_OUTPUT_MAX_BYTES)
        return -1;
    size_t n = js.JSStringGetUTF8CString(s, buf_room(dst, most), most);
    buf_added(dst, n ? n - 1 : 0);
    return 0;
}

int js_put_value(struct buf *dst, JSContextRef context, JSValueRef v)
{
    JSStringRef s = v ? js.JSValueToStringCopy(context, v, NULL) : NULL;
    int r = s ? put_string(dst, s) : -1;
    if (s)
        js.JSStringRelease(s);
    return r;
}

JSValueRef js_property(JSContextRef context, JSValueRef object, const char *name)
{
    JSStringRef s = js.JSStringCreateWithUTF8CString(name);
    JSValueRef v = js.JSObjectGetProperty(context, (JSObjectRef)object, s, NULL);
    js.JSStringRelease(s);
    return v;
}

JSValueRef js_base64(JSContextRef context, JSObjectRef function, JSObjectRef this, size_t n,
                     const JSValueRef arguments[], JSValueRef *thrown)
{
    struct buf out = {0};
    (void)function, (void)this;
    if (n != 3 || !js.JSValueIsObject(context, arguments[0]))
        return js.JSValueMakeNull(context);
    JSObjectRef buffer = (JSObjectRef)arguments[0];
    double offset = js.JSValueToNumber(context, arguments[1], NULL);
    double length = js.JSValueToNumber(context, arguments[2], NULL);
    size_t size = js.JSObjectGetArrayBufferByteLength(context, buffer, thrown);
    const char *bytes = js.JSObjectGetArrayBufferBytesPtr(context, buffer, thrown);
    if (!(offset >= 0 && length >= 0 && offset + length <= (double)size) || length > JS_OUTPUT_MAX_BYTES)
        return js.JSValueMakeNull(context);
    if (bytes)
        base64_put(&out, bytes + (size_t)offset, (size_t)length);
    JSStringRef s = js.JSStringCreateWithUTF8CString(buf_z(&out));
    JSValueRef v = js.JSValueMakeString(context, s);
    js.JSStringRelease(s);
    buf_free(&out);
    return v;
}
