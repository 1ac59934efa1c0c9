/* js_run.c: scripts of the JavaScript mapper, on JavaScriptCore, in a worker.
 *
 * Each mapper has a world (a global object) of its own, in which its scripts are evaluated once and then called: what they
 * keep in variables stays. There is no machine code (JSC_useJIT), so that memory need never be executable. What a script
 * finds is in js_ditto.js, js_long.js and js_bytebuffer.js; js_glue.js stands between it and this file. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "mapping/js_source.h"
#include "mapping/js_value.h"
#include "mapping/script.h"

#include "base/banned.h"

enum { WHY_BYTES = 300, KEEP_BYTES = 1024 * 1024 };

/* What a script gets of a payload depends on the transport, as it does in Ditto. */
enum payloads {
    PAYLOADS_AS_SENT,      /* text and its bytes, or bytes only */
    PAYLOADS_BOTH,         /* always bytes and, in the charset of the content type, text */
    PAYLOADS_BOTH_OR_BYTES /* the same, but bytes only for application/octet-stream */
};

struct world {
    JSGlobalContextRef context;
    JSObjectRef incoming, outgoing, describe; /* of the glue */
    enum payloads payloads;
};

static JSContextGroupRef group;
static unsigned limit_ms;
static bool stopped; /* the script at hand took too long */
static struct buf decoded;

/* --- what went wrong ---------------------------------------------------------------------------------------------- */

static bool on_time_over(JSContextRef context, void *arg)
{
    (void)context, (void)arg;
    return stopped = true;
}

/* One line of at most so many bytes, cut between characters. */
static void put_line(struct buf *why, struct slice s)
{
    size_t n = s.len < WHY_BYTES ? s.len : WHY_BYTES;
    while (n && n < s.len && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    for (size_t i = 0; i < n; i++)
        buf_putc(why, (unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f ? ' ' : s.p[i]);
}

/* Whoever tells it ends the sentence. */
static struct slice without_stop(struct slice s)
{
    if (s.len && s.p[s.len - 1] == '.')
        s.len--;
    return s;
}

/* Returns -1. */
static int explain(const struct world *w, JSValueRef thrown, struct buf *why)
{
    struct buf said = {0};
    if (!stopped && w->describe)
        thrown = js.JSObjectCallAsFunction(w->context, w->describe, NULL, 1, &thrown, NULL);
    if (stopped)
        buf_printf(why, "it took more than %u ms of CPU time", limit_ms);
    else if (js_put_value(&said, w->context, thrown) < 0)
        buf_puts(why, "it threw what cannot be shown");
    put_line(why, without_stop(buf_slice(&said)));
    buf_free(&said);
    return -1;
}

/* --- loading ------------------------------------------------------------------------------------------------------ */

static JSValueRef evaluate(const struct world *w, struct slice source, const char *name, struct buf *why)
{
    JSValueRef thrown = NULL;
    JSStringRef code = js_string(source), url = js.JSStringCreateWithUTF8CString(name);
    stopped = false;
    JSValueRef v = js.JSEvaluateScript(w->context, code, NULL, url, 1, &thrown);
    js.JSStringRelease(code);
    js.JSStringRelease(url);
    if (!v)
        (void)explain(w, thrown, why);
    return v;
}

static int load_glue(struct world *w, struct buf *why)
{
    JSValueRef factory = evaluate(w, js_glue_source, "glue", why);
    JSValueRef native = js.JSObjectMakeFunctionWithCallback(w->context, NULL, js_base64);
    JSValueRef glue =
        factory ? js.JSObjectCallAsFunction(w->context, (JSObjectRef)factory, NULL, 1, &native, NULL) : NULL;
    if (!glue)
        return -1;
    w->incoming = (JSObjectRef)js_property(w->context, glue, "incoming");
    w->outgoing = (JSObjectRef)js_property(w->context, glue, "outgoing");
    w->describe = (JSObjectRef)js_property(w->context, glue, "describe");
    js.JSValueProtect(w->context, glue);
    return 0;
}

static int load_script(struct world *w, struct json program, const char *name, struct buf *why)
{
    struct buf source = {0};
    struct slice script = json_text(json_get(program, slice_str(name)), &source);
    bool loaded = true;
    if (script.p && memchr(script.p, '\0', script.len)) {
        buf_printf(why, "%s holds a NUL character", name);
        loaded = false;
    } else if (script.p) {
        loaded = evaluate(w, script, name, why);
    }
    buf_free(&source);
    return loaded ? 0 : -1;
}

static int load(struct world *w, struct json program, struct buf *why)
{
    struct slice payloads = json_raw(json_get(program, S("payloads")));
    bool bytes = json_is(json_get(program, S("loadBytebufferJS")), JSON_TRUE);
    bool integers = bytes || json_is(json_get(program, S("loadLongJS")), JSON_TRUE);
    if (slice_eq(payloads, S("both")))
        w->payloads = PAYLOADS_BOTH;
    else if (slice_eq(payloads, S("both or bytes")))
        w->payloads = PAYLOADS_BOTH_OR_BYTES;
    if ((integers && !evaluate(w, js_long_source, "long", why)) ||
        (bytes && !evaluate(w, js_bytebuffer_source, "bytebuffer", why)) ||
        !evaluate(w, js_ditto_source, "ditto", why) || load_glue(w, why) < 0)
        return -1;
    return load_script(w, program, "incomingScript", why) < 0
               ? -1
               : load_script(w, program, "outgoingScript", why);
}

static void *compile(struct slice program, struct buf *why)
{
    struct json options;
    struct world *w = xcalloc(1, sizeof *w);
    w->context = js.JSGlobalContextCreateInGroup(group, NULL);
    if (json_parse(program, &options, NULL) == 0 && load(w, options, why) == 0)
        return w;
    free(w);
    return NULL;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static bool is_octet_stream(struct slice content_type)
{
    return slice_starts(content_type, S("application/octet-stream"));
}

struct external_message {
    struct json headers, text, bytes;
};

static struct external_message read_message(struct json message)
{
    struct external_message m = {.headers.type = JSON_ABSENT};
    struct json_iter it = json_iter(message);
    while (json_next(&it)) {
        if (slice_eq(it.key, S("headers")))
            m.headers = it.value;
        else if (slice_eq(it.key, S("text")))
            m.text = it.value;
        else if (slice_eq(it.key, S("bytes")))
            m.bytes = it.value;
    }
    return m;
}

/* headers, textPayload, bytePayload */
static void put_arguments(const struct world *w, const struct external_message *m, JSValueRef arguments[3])
{
    struct buf scratch = {0};
    struct slice type = json_text(json_get(m->headers, S("content-type")), &scratch), bytes = SLICE_NONE;
    bool is_text = json_present(m->text);
    bool wants_text =
        w->payloads == PAYLOADS_AS_SENT ? is_text : w->payloads == PAYLOADS_BOTH || !is_octet_stream(type);
    buf_reset(&decoded, KEEP_BYTES);
    if (is_text)
        bytes = json_text(m->text, &decoded);
    else if (json_present(m->bytes) && base64_get(&decoded, json_raw(m->bytes)) == 0)
        bytes = buf_slice(&decoded);
    arguments[0] = js_json(w->context, json_slice(m->headers));
    arguments[1] = arguments[2] = js.JSValueMakeNull(w->context);
    if (bytes.p)
        arguments[2] = js_bytes(w->context, bytes);
    if (bytes.p && wants_text)
        arguments[1] = is_text ? js_text(w->context, bytes) : js_decoded(w->context, bytes, type);
    buf_free(&scratch);
}

/* Results of the glue: joined by '\n', none at the end. */
static int put_lines(struct buf *dst, JSContextRef context, JSValueRef lines)
{
    size_t before = dst->len;
    if (js_put_value(dst, context, lines) < 0)
        return -1;
    if (dst->len > before)
        buf_putc(dst, '\n');
    return 0;
}

static int run(void *program, enum way way, struct json message, struct buf *out, struct buf *why)
{
    const struct world *w = program;
    JSValueRef thrown = NULL, lines = NULL, arguments[3];
    stopped = false;
    if (way == WAY_IN) {
        struct external_message m = read_message(message);
        put_arguments(w, &m, arguments);
        lines = js.JSObjectCallAsFunction(w->context, w->incoming, NULL, 3, arguments, &thrown);
    } else {
        arguments[0] = js_json(w->context, json_slice(message));
        lines = js.JSObjectCallAsFunction(w->context, w->outgoing, NULL, 1, arguments, &thrown);
    }
    if (!lines || thrown)
        return explain(w, thrown, why);
    if (put_lines(out, w->context, lines) == 0)
        return 0;
    buf_puts(why, "its result is too large");
    return -1;
}

/* --- the engine ----------------------------------------------------------------------------------------------------- */

static int open_library(const struct worker_limits *limits, struct buf *why)
{
    char bytes[32];
    (void)snprintf(bytes, sizeof bytes, "%zu", limits->memory_bytes);
    (void)setenv("JSC_useJIT", "false", 1);
    (void)setenv("JSC_forceRAMSize", bytes, 1); /* how much garbage it waits for depends on that */
    return js_open(why);
}

/* The first context and the first date read what the library wants to know of the system. */
static void warm(const struct worker_limits *limits)
{
    struct world w = {0};
    struct buf why = {0};
    (void)setenv("TZ", "UTC", 1); /* else each date would look for the time zone */
    group = js.JSContextGroupCreate();
    w.context = js.JSGlobalContextCreateInGroup(group, NULL);
    limit_ms = limits->cpu_ms;
    js.JSContextGroupSetExecutionTimeLimit(group, limits->cpu_ms / 1000.0, on_time_over, NULL);
    (void)evaluate(&w, S("new Date().toLocaleString() + Intl.DateTimeFormat().resolvedOptions().timeZone"),
                   "warm", &why);
    buf_free(&why);
}

const struct script_engine javascript_engine = {.language = LANGUAGE_JAVASCRIPT,
                                                .threaded = true,
                                                .open = open_library,
                                                .warm = warm,
                                                .compile = compile,
                                                .run = run};
