#include "control.h"

#include <stdlib.h>

#include <proton/disposition.h>

#include "broker.h"
#include "load.h"
#include "json/json.h"

#include "base/banned.h"

/* A text member as a C string that the caller frees; NULL if it is not there. */
static char *text(struct json line, struct slice name)
{
    struct buf scratch = {0};
    struct slice s = json_text(json_get(line, name), &scratch);
    char *z = s.p ? xstrndup(s.p, s.len) : NULL;
    buf_free(&scratch);
    return z;
}

static uint64_t number(struct json line, struct slice name, uint64_t otherwise)
{
    int64_t n;
    return json_int(json_get(line, name), &n) == 0 && n >= 0 ? (uint64_t)n : otherwise;
}

static bool flag(struct json line, struct slice name)
{
    return json_get(line, name).type == JSON_TRUE;
}

static struct fault *fault_from(struct json line, enum cut how)
{
    struct fault *f = xcalloc(1, sizeof(*f));
    f->how = how;
    f->address = text(line, S("address"));
    f->left = number(line, S("after"), 0);
    f->condition = text(line, S("condition"));
    f->description = text(line, S("description"));
    f->redirect = text(line, S("redirect"));
    return f;
}

/* --- one function a verb: NULL, or what is wrong --------------------------------------------------------- */

static const char *do_cut(struct json line, int how)
{
    struct fault *f = fault_from(line, (enum cut)how);
    if (f->left) {
        fault_after(f);
    } else {
        broker_cut(f);
        fault_free(f);
    }
    return NULL;
}

static const char *do_refuse(struct json line, int unused)
{
    struct json by = json_get(line, S("by"));
    enum cut how = json_text_is(by, S("end"))     ? CUT_END
                   : json_text_is(by, S("close")) ? CUT_CLOSE
                                                  : CUT_DETACH;
    (void)unused;
    fault_refuse(fault_from(line, how));
    return NULL;
}

static const char *do_allow(struct json line, int unused)
{
    (void)line;
    (void)unused;
    fault_allow();
    return NULL;
}

enum mode { NO_MODIFIED, NO_OPEN, NO_CREDIT, NEVER_SETTLE, DEAF, FREEZE };

static const char *do_mode(struct json line, int mode)
{
    bool *const fields[] = {
        [NO_MODIFIED] = &modes.no_modified,   [NO_OPEN] = &modes.no_open, [NO_CREDIT] = &modes.no_credit,
        [NEVER_SETTLE] = &modes.never_settle, [DEAF] = &modes.deaf,       [FREEZE] = &modes.frozen,
    };
    *fields[mode] = !flag(line, S("off"));
    broker_apply_modes();
    return NULL;
}

static const char *do_answer(struct json line, int unused)
{
    static const struct {
        const char *name;
        uint64_t state;
    } outcomes[] = {{"accepted", PN_ACCEPTED},
                    {"rejected", PN_REJECTED},
                    {"released", PN_RELEASED},
                    {"modified", PN_MODIFIED}};
    struct answer a = {.left = number(line, S("count"), UINT64_MAX)};
    (void)unused;
    for (int i = 0; i < 4; i++)
        if (json_text_is(json_get(line, S("outcome")), slice_str(outcomes[i].name)))
            a.outcome = outcomes[i].state;
    if (!a.outcome)
        return "'outcome' is none of accepted, rejected, released, modified";
    a.failed = flag(line, S("failed"));
    a.undeliverable = flag(line, S("undeliverable"));
    a.address = text(line, S("address"));
    a.condition = text(line, S("condition"));
    a.description = text(line, S("description"));
    fault_set_answer(a);
    return NULL;
}

static const char *do_flow(struct json line, int drain)
{
    char *address = text(line, S("address"));
    if (drain)
        broker_drain(address);
    else
        broker_credit(address, (int)number(line, S("credit"), 1));
    free(address);
    return NULL;
}

static const char *do_generate(struct json line, int unused)
{
    uint64_t count = number(line, S("count"), 0), bytes = number(line, S("bytes"), 0);
    char *address = text(line, S("address"));
    const char *reason = NULL;
    (void)unused;
    if (!address || !count || bytes > LOAD_MAX_BYTES)
        reason = "generate needs 'address', 'count', and 'bytes' of at most 64 MiB";
    else if (broker_generate(slice_str(address), count, bytes, number(line, S("rate"), 0)) != 0)
        reason = "that address still has a load";
    free(address);
    return reason;
}

static const char *do_summary(struct json line, int unused)
{
    (void)line;
    (void)unused;
    broker_summaries();
    return NULL;
}

static const char *do_times(struct json line, int unused)
{
    (void)line;
    (void)unused;
    broker_times();
    return NULL;
}

static const struct {
    const char *name;
    const char *(*act)(struct json line, int which);
    int which;
} verbs[] = {
    {"refuse", do_refuse, 0},
    {"allow", do_allow, 0},
    {"detach", do_cut, CUT_DETACH},
    {"end", do_cut, CUT_END},
    {"close", do_cut, CUT_CLOSE},
    {"drop", do_cut, CUT_DROP},
    {"no-modified", do_mode, NO_MODIFIED},
    {"no-open", do_mode, NO_OPEN},
    {"no-credit", do_mode, NO_CREDIT},
    {"never-settle", do_mode, NEVER_SETTLE},
    {"deaf", do_mode, DEAF},
    {"freeze", do_mode, FREEZE},
    {"answer", do_answer, 0},
    {"credit", do_flow, false},
    {"drain", do_flow, true},
    {"generate", do_generate, 0},
    {"summary", do_summary, 0},
    {"times", do_times, 0},
};

static const char *obey(struct json line, struct json verb)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
        if (json_text_is(verb, slice_str(verbs[i].name)))
            return verbs[i].act(line, verbs[i].which);
    return "unknown 'do'";
}

/* --- messages -------------------------------------------------------------------------------------------- */

static const char *take_message(struct json line)
{
    static struct buf encoded;
    struct header h;
    const char *reason = NULL;
    char *address = text(line, S("address"));
    buf_reset(&encoded, 1024 * 1024);
    if (!address)
        reason = "no 'address'";
    else if (message_from_json(line, &encoded, &h, &reason) == 0)
        broker_message(slice_str(address), buf_slice(&encoded), h, flag(line, S("settled")));
    free(address);
    return reason;
}

int control_line(struct slice line, const char **reason)
{
    struct json object, verb;
    struct json_error err;
    if (json_parse(line, &object, &err) != 0) {
        *reason = err.reason;
    } else if (object.type != JSON_OBJECT) {
        *reason = "no JSON object";
    } else {
        verb = json_get(object, S("do"));
        *reason = verb.type == JSON_ABSENT ? take_message(object) : obey(object, verb);
    }
    return *reason ? -1 : 0;
}
