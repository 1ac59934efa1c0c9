/* template-check: templates cut into pieces and judged; the rows of $VECTORS/mapping/placeholders.ndjson (default
 * ../shared/vectors) that say whether a template is one. */
#include "protocol/template.h"

#include "base/lines.h"
#include "json/json.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static void test_next(void)
{
    static const struct {
        const char *text, *pieces; /* expressions in [] */
    } cases[] = {
        {"", ""},
        {"plain", "plain,"},
        {"{{a:b }}", "[a:b ]"},
        {"x{{a}}y${b}z", "x[a]y[b]z,"},
        {"{{a}b}}", "[a}b]"},
        {"{{a", "{{a,"},
        {"${a", "${a,"},
        {"}}{x}{", "}}{x}{,"},
        {"{{}}", "[]"},
        {"${}", "[]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice rest = slice_str(cases[i].text), literal, expression;
        struct buf b = {0};
        while (template_next(&rest, &literal, &expression)) {
            buf_put_slice(&b, literal);
            buf_putc(&b, expression.p ? '[' : ',');
            buf_put_slice(&b, expression);
            if (expression.p)
                buf_putc(&b, ']');
        }
        is_slice(buf_slice(&b), slice_str(cases[i].pieces), "pieces of '%s'", cases[i].text);
        buf_free(&b);
    }
}

static void test_call(void)
{
    static const struct {
        const char *stage, *pieces, *code; /* placeholders in <> */
    } cases[] = {
        {"fn:upper()", "upper", NULL},
        {"fn:upper(  )", "upper", NULL},
        {"fn:default( 'a,b)' )", "default 'a,b)'", NULL},
        {"fn:default(\"a'\\\"b\")", "default 'a'\\\"b'", NULL},
        {"fn:default(header:a:b)", "default <header:a:b>", NULL},
        {"fn:default(fn:delete())", "default <fn:delete()>", NULL},
        {"fn:filter(header:a , 'eq' , \"x\")", "filter <header:a> 'eq' 'x'", NULL},
        {"fn:replace('','')", "replace '' ''", NULL},
        {"fn:upper", NULL, "placeholder:function.unknown"},
        {"fn:upper ()", NULL, "placeholder:function.unknown"},
        {"fn:Upper()", NULL, "placeholder:function.unknown"},
        {"fn:()", NULL, "placeholder:function.unknown"},
        {"fn:upper(", NULL, "placeholder:function.signature.invalid"},
        {"fn:upper()x", NULL, "placeholder:function.signature.invalid"},
        {"fn:upper('x')", NULL, "placeholder:function.signature.invalid"},
        {"fn:join(header:a)", NULL, "placeholder:function.signature.invalid"},
        {"fn:default('a' 'b')", NULL, "placeholder:function.signature.invalid"},
        {"fn:default('a',)", NULL, "placeholder:function.signature.invalid"},
        {"fn:default('a)", NULL, "placeholder:function.signature.invalid"},
        {"fn:default(thing-json:a)", NULL, "placeholder:function.signature.invalid"},
        {"fn:default(header:)", NULL, "placeholder:function.signature.invalid"},
        {"fn:filter('a','eq','b','c')", NULL, "placeholder:function.signature.invalid"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct template_call c;
        struct ditto_error err = {0};
        struct buf b = {0};
        if (template_call(slice_str(cases[i].stage), &c, &err) < 0) {
            is_slice(slice_str(err.code), slice_str(cases[i].code), "code of '%s'", cases[i].stage);
            continue;
        }
        buf_puts(&b, c.function->text);
        for (size_t k = 0; k < c.n; k++)
            buf_printf(&b, c.parameters[k].placeholder ? " <%.*s>" : " '%.*s'",
                       SLICE_ARG(c.parameters[k].text));
        is_slice(buf_slice(&b), slice_str(cases[i].pieces), "pieces of '%s'", cases[i].stage);
        buf_free(&b);
    }
}

static void test_names(void)
{
    static const struct {
        const char *prefix, *name;
        int which;
    } cases[] = {
        {"thing", "id", 0},          {"thing", "name", 2},     {"thing", "", -1},
        {"header", "any:thing", 0},  {"header", "", -1},       {"topic", "action-subject", 8},
        {"thing-json", "a/b", 0},    {"thing-json", "id", -1}, {"time", "now", 0},
        {"time", "now-7d[h]", 0},    {"time", "tomorrow", -1}, {"time", "now_epoch_millis [d]", 0},
        {"connection", "name", -1},  {"feature", "id", 0},     {"source", "address", 0},
        {"request", "subjectId", 0}, {"resource", "path", 1},  {"policy", "namespace", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct template_prefix *p = template_prefix(slice_str(cases[i].prefix));
        if (ok(p != NULL, "prefix %s", cases[i].prefix))
            is_int(template_name(p, slice_str(cases[i].name)), cases[i].which, "%s:%s", cases[i].prefix,
                   cases[i].name);
    }
    ok(!template_prefix(S("nope")) && !template_prefix(S("")), "prefixes that there are not");
}

static void test_scopes(void)
{
    struct ditto_error err = {0};
    ok(template_check(S("{{ thing:id }}"), PLACEHOLDERS_OF_MESSAGE, &err) == 0, "in a message");
    ok(template_check(S("{{ policy:id }}"), PLACEHOLDERS_OF_MESSAGE, &err) < 0, "not in a message");
    is_slice(slice_str(err.code), S("placeholder:unresolved"), "its code");
    err = (struct ditto_error){0};
    ok(template_check(S("{{ header:a | fn:default(thing:id) }}"), PLACEHOLDERS_OF_SUBJECT, &err) < 0,
       "a parameter");
    is_int(template_placeholders(S("a")), 0, "no placeholder");
    is_int(template_placeholders(S("{{ header:a | fn:default(topic:full) }}${thing:id}{{nope:x}}{{x}}")),
           PLACEHOLDER_HEADER | PLACEHOLDER_TOPIC | PLACEHOLDER_THING, "three");
}

/* --- rows of vectors --- */

static struct buf scratch;

static unsigned known_in(struct json context)
{
    unsigned set = 0;
    struct json_iter it = json_iter(context);
    while (json_next(&it)) {
        const struct template_prefix *p = template_prefix(it.key);
        set |= p ? p->kind : 0;
    }
    return set;
}

/* What only shows when there are values; and the one row where Ditto resolves to nothing and we object. */
static bool depends_on_values(struct json row)
{
    static const char *const names[] = {"fn:delete", "fn:replace('a', header:nope)", "| upper()", NULL};
    struct slice template = json_text(json_get(row, S("template")), &scratch);
    for (size_t i = 0; names[i]; i++)
        if (memmem(template.p, template.len, names[i], strlen(names[i])))
            return true;
    return template_placeholders(template) == 0 && memmem(template.p, template.len, "jwt:", 4);
}

static bool row_holds(struct json row)
{
    struct ditto_error err = {0};
    struct slice code = json_text(json_get(json_get(row, S("expected")), S("error")), &scratch);
    int rc = template_check(json_text(json_get(row, S("template")), &scratch),
                            known_in(json_get(row, S("context"))), &err);
    return code.p ? rc < 0 && slice_eq(code, slice_str(err.code)) : rc == 0;
}

static bool row_counts(struct json row)
{
    struct slice mode = json_text(json_get(row, S("mode")), &scratch);
    struct slice code = json_text(json_get(json_get(row, S("expected")), S("error")), &scratch);
    return !slice_eq(mode, S("partial")) && !slice_starts(code, S("java:")) && !depends_on_values(row);
}

static void test_rows(void)
{
    struct buf path = {0};
    struct lines in;
    struct slice line;
    unsigned rows = 0, held = 0;
    buf_puts(&path, getenv("VECTORS") ? getenv("VECTORS") : "../shared/vectors");
    buf_puts(&path, "/mapping/placeholders.ndjson");
    int fd = open(buf_z(&path), O_RDONLY | O_CLOEXEC);
    buf_free(&path);
    if (fd < 0) {
        ok(true, "rows # SKIP there are none here");
        return;
    }
    buf_room(&scratch, 1024 * 1024);
    lines_init(&in, fd);
    do {
        while (lines_next(&in, &line) == LINES_LINE) {
            struct json row;
            buf_cut(&scratch, 0);
            if (json_parse(line, &row, NULL) < 0 || !row_counts(row))
                continue;
            rows++;
            held += row_holds(row);
            if (!row_holds(row))
                tap_bytes("row", line);
        }
    } while (lines_fill(&in) > 0);
    lines_free(&in);
    close(fd);
    buf_free(&scratch);
    ok(rows > 100 && held == rows, "%u of %u rows", held, rows);
}

int main(void)
{
    test_next();
    test_call();
    test_names();
    test_scopes();
    test_rows();
    return done();
}
