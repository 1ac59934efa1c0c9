/* jq_run.c: programs of jq, on libjq, in a worker.
 *
 * The worker has nothing to give away, but libjq would crash on some of what it offers (input, debug: callbacks that
 * nobody set) or try what the worker must not do (env, files, imports): a prelude closes that. It stands before the
 * program, on its first line, so that an import is a syntax error and line numbers are the user's. */
#include "mapping/script.h"

#include <jq.h>
#include <unistd.h>

#include "base/base64.h"
#include "mapping/jq_value.h"

#include "base/banned.h"

enum { WHY_BYTES = 200, OUTPUT_MAX_BYTES = 32 * 1024 * 1024 };

static const char prelude[] =
    "def env:{};def input:error(\"not allowed\");def inputs:input;def debug:.;def stderr:.;"
    "def input_filename:null;def input_line_number:0;def modulemeta:error(\"not allowed\");def get_search_list:[];"
    "def halt:error(\"not allowed\");def halt_error:halt;def halt_error(x):halt;{} as $ENV|";

struct compiling {
    struct buf *why;
    bool failed; /* only the first message counts */
};

/* One line, without what libjq quotes of the program or of the message. */
static void put_reason(struct buf *why, struct slice text)
{
    static const char quote[] = " (while parsing";
    if (slice_starts(text, S("jq: error: ")))
        text = slice_skip(text, sizeof "jq: error: " - 1);
    text = slice_cut(&text, '\n');
    const char *at = text.len ? memmem(text.p, text.len, quote, sizeof quote - 1) : NULL;
    if (at)
        text.len = (size_t)(at - text.p);
    if (text.len && text.p[text.len - 1] == ':')
        text.len--;
    if (text.len > WHY_BYTES)
        text.len = WHY_BYTES;
    buf_put_slice(why, text);
}

static void on_compile_error(void *arg, jv message)
{
    struct compiling *c = arg;
    if (!c->failed && jv_get_kind(message) == JV_KIND_STRING)
        put_reason(c->why,
                   slice_of(jv_string_value(message), (size_t)jv_string_length_bytes(jv_copy(message))));
    c->failed = true;
    jv_free(message);
}

static void on_no_memory(void *arg)
{
    (void)arg;
    _exit(SCRIPT_NO_MEMORY);
}

static void *compile(struct slice program, struct buf *why)
{
    struct compiling c = {.why = why};
    struct buf text = {0};
    jq_state *jq = jq_init();
    if (!jq)
        on_no_memory(NULL);
    jv_nomem_handler(on_no_memory, NULL);
    jq_set_nomem_handler(jq, on_no_memory, NULL);
    jq_set_input_cb(jq, NULL, NULL); /* libjq leaves them as they are in memory */
    jq_set_debug_cb(jq, NULL, NULL);
    jq_set_error_cb(jq, on_compile_error, &c);
    buf_puts(&text, prelude);
    buf_put_slice(&text, program);
    if (memchr(buf_p(&text), '\0', text.len))
        buf_puts(why, "it holds a NUL byte"), c.failed = true;
    if (c.failed || !jq_compile(jq, buf_z(&text)))
        jq_teardown(&jq);
    else
        jq_set_error_cb(jq, NULL, NULL);
    buf_free(&text);
    return jq;
}

/* The payload, followed by a byte that is in no number. SLICE_NONE without one. */
static struct slice payload_of(struct json message, struct buf *decoded)
{
    struct json text = json_get(message, S("text"));
    struct slice payload = json_text(text, decoded);
    if (!payload.p && base64_get(decoded, json_raw(json_get(message, S("bytes")))) == 0 && decoded->len)
        payload = buf_slice(decoded);
    if (decoded->len) /* what was not copied is followed by its quote */
        payload.p = buf_z(decoded);
    return payload;
}

/* The message with its payload as a value too, if that is JSON: it is what most programs want. */
static jv input_of(enum way way, struct json message)
{
    jv v = jq_value(message);
    struct buf decoded = {0};
    struct json parsed;
    struct slice payload = way == WAY_IN ? payload_of(message, &decoded) : SLICE_NONE;
    if (payload.p && json_parse(payload, &parsed, NULL) == 0)
        v = jv_object_set(v, jv_string("json"), jq_value(parsed));
    buf_free(&decoded);
    return v;
}

/* The end of the outputs: 0, or -1 if it is an error. */
static int ended(jv invalid, struct buf *why)
{
    if (!jv_invalid_has_msg(jv_copy(invalid))) {
        jv_free(invalid);
        return 0;
    }
    jv message = jv_invalid_get_msg(invalid);
    struct buf text = {0};
    if (jv_get_kind(message) == JV_KIND_STRING)
        buf_put(&text, jv_string_value(message), (size_t)jv_string_length_bytes(jv_copy(message)));
    else
        (void)jq_value_put(&text, message, OUTPUT_MAX_BYTES);
    put_reason(why, buf_slice(&text));
    buf_free(&text);
    jv_free(message);
    return -1;
}

static int put_output(struct buf *out, jv v, size_t before, struct buf *why)
{
    size_t used = out->len - before;
    int r = jq_value_put(out, v, used < OUTPUT_MAX_BYTES ? OUTPUT_MAX_BYTES - used : 0);
    jv_free(v);
    buf_putc(out, '\n');
    if (r < 0)
        buf_puts(why, "its result is too large or nested too deeply");
    return r;
}

static int run(void *program, enum way way, struct json message, struct buf *out, struct buf *why)
{
    jq_state *jq = program;
    size_t before = out->len;
    jq_start(jq, input_of(way, message), 0);
    for (size_t n = 0; n <= RESULTS_MAX; n++) {
        jv v = jq_next(jq);
        if (!jv_is_valid(v))
            return ended(v, why);
        if (put_output(out, v, before, why) < 0)
            return -1;
    }
    return 0;
}

const struct script_engine jq_engine = {.language = LANGUAGE_JQ, .compile = compile, .run = run};
