/* ditto-expand: resolve templates against contexts, as ditto-map does.
 *
 *   ditto-expand [-a] [-s PLACE] TEMPLATE…   contexts → what the templates stand for
 *   ditto-expand -n [-s PLACE] TEMPLATE…     only: may they stand there?
 *   ditto-expand -j                          {"template","context","mode"?,"forbidden"?} → {"values":[…]}
 *
 * stdin:  contexts, one a line: an object of what placeholders see (lib/mapping/context.h), an external message or a Ditto
 *         Protocol message; with -j questions.
 * stdout: for each context and each template its first value, or, with -a, all of them, one a line; with -j an answer a line:
 *         {"values":[…]}, {"unresolved":true}, {"deleted":true} or {"error":code, "message", "description"}.
 *
 * A template without a value is told on stderr and makes the exit code 1; with -j that is an answer like others. */
#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/opt.h"
#include "mapping/context.h"

#include "base/banned.h"

enum { FORBIDDEN_MAX = 16 };

static bool all, check_only, questions;
static const char *place;

static const struct opt opts[] = {
    {'a', NULL, "all values of a template, not only the first", OPT_FLAG, &all, 0, 0},
    {'j', NULL, "answer questions, in JSON", OPT_FLAG, &questions, 0, 0},
    {'n', NULL, "check the templates and end", OPT_FLAG, &check_only, 0, 0},
    {'s', "PLACE", "where they stand: message, subject, input, filter, label, options", OPT_STRING, &place, 0,
     0},
    OPT_END,
};

static const struct program program = {.name = "ditto-expand",
                                       .operands = "[TEMPLATE...]",
                                       .summary = "resolve templates against contexts",
                                       .opts = opts};

static const struct {
    const char *name;
    unsigned allowed;
} places[] = {
    {"message", PLACEHOLDERS_OF_MESSAGE},
    {"subject", PLACEHOLDERS_OF_SUBJECT},
    {"input", PLACEHOLDERS_OF_ENFORCEMENT_INPUT},
    {"filter", PLACEHOLDERS_OF_ENFORCEMENT_FILTER},
    {"label", PLACEHOLDERS_OF_LABEL},
    {"options", PLACEHOLDERS_OF_OPTIONS},
};

static unsigned allowed_at(const char *name)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (slice_eq(slice_str(name), slice_str(places[i].name)))
            return places[i].allowed;
    opt_usage(&program, "there is no such place");
}

struct app {
    char **templates;
    unsigned allowed;
    struct scratch scratch;
    struct buf text;
    int code;
};

/* --- templates of the command line ---------------------------------------------------------------------------------- */

static void complain(struct app *a, const char *template, const char *code, const char *why)
{
    warn("cannot expand '%s': %s%s%s", template, code, *why ? ": " : "", why);
    a->code = EXIT_NEGATIVE;
}

static void put_values(const struct values *v, struct buf *out)
{
    for (size_t i = 0; i < v->n && (all || i == 0); i++) {
        buf_put_slice(out, v->v[i]);
        buf_putc(out, '\n');
    }
}

static void expand(struct app *a, const char *text, const struct context *c, struct buf *out)
{
    struct template t;
    struct values v;
    struct ditto_error err = {.status = 0};
    template_compile_anyway(&t, slice_str(text), c->known & a->allowed);
    switch (template_resolve_all(&t, &c->facts, &a->scratch, &v, &err)) {
    case VALUE_RESOLVED: put_values(&v, out); break;
    case VALUE_UNRESOLVED: complain(a, text, "it has no value", ""); break;
    case VALUE_DELETED: complain(a, text, "it is deleted", ""); break;
    case VALUE_FAILED: complain(a, text, err.code, err.message); break;
    }
    template_free(&t);
}

static void on_context(void *arg, enum lines_status st, struct slice line, struct buf *out)
{
    struct app *a = arg;
    struct context c = {.known = 0};
    struct ditto_error err = {.status = 0};
    if (st == LINES_LONG)
        complain(a, a->templates[0], "json.invalid", "The line is longer than 32 MiB.");
    else if (context_read(&c, line, &err) < 0)
        complain(a, a->templates[0], err.code, err.description[0] ? err.description : err.message);
    else
        for (char **t = a->templates; *t; t++)
            expand(a, *t, &c, out);
    context_free(&c);
}

static int check(const struct app *a)
{
    int code = EXIT_DONE;
    for (char **text = a->templates; *text; text++) {
        struct template t;
        struct ditto_error err = {.status = 0};
        if (template_compile(&t, slice_str(*text), a->allowed, &err) == 0) {
            template_free(&t);
            continue;
        }
        error("cannot use '%s': %s: %s %s", *text, err.code, err.message, err.description);
        code = EXIT_NEGATIVE;
    }
    return code;
}

/* --- questions ------------------------------------------------------------------------------------------------------ */

static void answer_error(struct buf *out, const struct ditto_error *err)
{
    buf_putc(out, '{');
    json_put_member_text(out, S("error"), slice_str(err->code));
    json_put_member_text(out, S("message"), slice_str(err->message));
    if (err->description[0])
        json_put_member_text(out, S("description"), slice_str(err->description));
    buf_puts(out, "}\n");
}

static void answer_values(struct buf *out, const struct values *v)
{
    buf_puts(out, "{\"values\":[");
    for (size_t i = 0; i < v->n; i++) {
        json_put_item(out);
        json_put_text(out, v->v[i]);
    }
    buf_puts(out, "]}\n");
}

static enum value_state resolve_partially(struct app *a, const struct template *t, const struct facts *f,
                                          struct json forbidden, struct values *v, struct ditto_error *err)
{
    struct slice prefixes[FORBIDDEN_MAX];
    struct buf texts[FORBIDDEN_MAX] = {{0}};
    struct json_iter it = json_iter(forbidden);
    size_t n = 0;
    while (n < FORBIDDEN_MAX && json_next(&it)) {
        struct slice prefix = json_text(it.value, &texts[n]);
        if (prefix.p)
            prefixes[n++] = prefix;
    }
    enum value_state state = template_resolve_partially(t, f, prefixes, n, &a->scratch, v, err);
    for (size_t i = 0; i < n; i++)
        buf_free(&texts[i]);
    return state;
}

/* The modes are what different places do with the result. */
static void answer_template(struct app *a, const struct template *t, struct json question,
                            const struct facts *f, struct buf *out)
{
    struct json mode = json_get(question, S("mode"));
    struct ditto_error err = {.status = 0};
    struct values v;
    enum value_state state = json_text_is(mode, S("partial"))
                                 ? resolve_partially(a, t, f, json_get(question, S("forbidden")), &v, &err)
                                 : template_resolve_all(t, f, &a->scratch, &v, &err);
    if (state != VALUE_RESOLVED && state != VALUE_FAILED && json_text_is(mode, S("apply")))
        state = template_unresolved(t->text, &err) < 0 ? VALUE_FAILED : state;
    if (state != VALUE_RESOLVED && state != VALUE_FAILED && json_text_is(mode, S("retain"))) {
        v = (struct values){VALUE_RESOLVED, 1, 1, (struct slice *)(uintptr_t)&t->text};
        state = VALUE_RESOLVED;
    }
    if (json_text_is(mode, S("delete")) && v.n > 1)
        v.n = 1;
    switch (state) {
    case VALUE_RESOLVED: answer_values(out, &v); break;
    case VALUE_UNRESOLVED: buf_puts(out, "{\"unresolved\":true}\n"); break;
    case VALUE_DELETED: buf_puts(out, "{\"deleted\":true}\n"); break;
    case VALUE_FAILED: answer_error(out, &err); break;
    }
}

static int answer(struct app *a, struct slice line, struct buf *out, struct ditto_error *err)
{
    struct json question, context;
    struct context c = {.known = 0};
    struct template t;
    if (json_parse(line, &question, NULL) < 0 || question.type != JSON_OBJECT)
        return ditto_fail(err, 400, "json.invalid", NULL, NULL, "The line is no JSON object.");
    buf_reset(&a->text, LINES_HEAD);
    struct slice text = json_text(json_get(question, S("template")), &a->text);
    if (!text.p)
        return ditto_fail(err, 400, "json.field.missing", NULL, "/template", "The question has no template.");
    context = json_get(question, S("context"));
    int r = context.type == JSON_ABSENT ? 0 : context_read(&c, json_slice(context), err);
    if (r == 0) {
        template_compile_anyway(&t, text, c.known & a->allowed);
        answer_template(a, &t, question, &c.facts, out);
        template_free(&t);
    }
    context_free(&c);
    return r;
}

static void on_question(void *arg, enum lines_status st, struct slice line, struct buf *out)
{
    struct app *a = arg;
    struct ditto_error err = {.status = 0};
    if (st == LINES_LONG)
        (void)ditto_fail(&err, 400, "json.invalid", NULL, NULL, "The line is longer than 32 MiB.");
    else
        (void)answer(a, line, out, &err);
    if (err.status)
        answer_error(out, &err);
}

int main(int argc, char **argv)
{
    struct app a = {.allowed = ~0u};
    io_init();
    a.templates = argv + opt_parse(&program, argc, argv);
    if (questions == (*a.templates != NULL))
        opt_usage(&program, questions ? "-j takes no templates" : "a template is needed");
    if (place)
        a.allowed = allowed_at(place);
    int code = check_only ? check(&a) : filter_run(0, 1, questions ? on_question : on_context, &a);
    code = code ? code : a.code;
    scratch_free(&a.scratch);
    buf_free(&a.text);
    if (io_close_stdout() < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    return code;
}
