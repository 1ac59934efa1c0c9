/* json-view: members gathered in the one pass over a document, and the notes that are taken on the way. */
#include "json/view.h"

#include "tap.h"

struct seen {
    struct json_view view;
    struct buf names;
    struct json last;
};

static struct json_view *on_key(void *arg, struct slice raw_key)
{
    struct seen *s = arg;
    return json_key_is(raw_key, S("in")) ? &s->view : NULL;
}

static void on_member(void *arg, const struct json_member *m)
{
    struct seen *s = arg;
    buf_put_slice(&s->names, m->key);
    buf_putc(&s->names, ' ');
    s->last = m->value;
}

static int read_text(struct seen *s, struct json_notes *notes, struct slice text)
{
    struct json_error err = {0, NULL};
    struct json_reader r = {on_key, on_member, s, notes};
    json_view_clear(&s->view);
    buf_cut(&s->names, 0);
    int got = json_read(text, &r, &err);
    if (got < 0 && !err.reason)
        ok(false, "an error has a reason");
    return got;
}

static void gathers(void)
{
    struct seen s = {.names = {0}};
    is_int(read_text(&s, NULL,
                     S(" { \"a\" : 1 , \"in\" : { \"x\" : [ {} ] , \"y\":\"z\", \"x\":2 } , \"b\":{} } ")),
           0, "white space everywhere");
    is_slice(buf_slice(&s.names), S("a in b "), "members in order");
    is_int((long long)s.view.n, 3, "three inside");
    is_slice(json_slice(json_view_get(&s.view, S("x"))), S("2"), "the last of a name counts");
    is_slice(json_slice(s.view.object), S("{ \"x\" : [ {} ] , \"y\":\"z\", \"x\":2 }"), "the object itself");
    ok(json_view_get(&s.view, S("z")).type == JSON_ABSENT, "what is not there is absent");
    is_int(read_text(&s, NULL, S("{\"in\":{\"a\":1},\"in\":null}")), 0, "named twice");
    ok(s.view.n == 0 && s.view.object.type == JSON_ABSENT, "the last one is no object: nothing is gathered");
    is_int(read_text(&s, NULL, S("{\"in\":{}}")), 0, "an empty one");
    ok(s.view.n == 0 && s.view.object.type == JSON_OBJECT, "is an object");
    is_int(read_text(&s, NULL, S("{}")), 0, "and an empty document");
    buf_free(&s.names);
}

static void overflows(void)
{
    struct seen s = {.names = {0}};
    struct buf text = {0};
    buf_puts(&text, "{\"in\":{");
    for (int i = 0; i < 3 * VIEW_MEMBERS; i++)
        buf_printf(&text, "%s\"k%d\":%d", i ? "," : "", i, i);
    buf_puts(&text, "},\"after\":[1]}");
    is_int(read_text(&s, NULL, buf_slice(&text)), 0, "more members than a view takes");
    is_int((long long)s.view.n, 3 * VIEW_MEMBERS, "are counted");
    is_slice(json_slice(json_view_get(&s.view, S("k70"))), S("70"), "and found");
    is_slice(json_slice(s.last), S("[1]"), "what follows is read");
    buf_free(&text);
    buf_free(&s.names);
}

static void escapes(void)
{
    struct seen s = {.names = {0}};
    struct json_notes notes = {false, false, false, false};
    is_int(read_text(&s, &notes, S("{\"in\":{\"x\":1},\"o\":\"\\n\"}")), 0, "escapes elsewhere");
    ok(!s.view.escaped && notes.escape, "are none of the view's");
    is_int(read_text(&s, &notes, S("{\"i\\u006e\":{\"\\u0078\":1}}")), 0, "a key with escapes");
    ok(s.view.escaped, "is noted");
    is_slice(json_slice(json_view_get(&s.view, S("x"))), S("1"), "and found by what it means");
    struct json_view filled;
    json_view_fill(&filled, s.view.object);
    ok(filled.escaped && filled.n == 1, "a view of what was read before");
    json_view_fill(&filled, (struct json){JSON_NULL, "null", 4});
    ok(filled.n == 0, "of no object is empty");
    buf_free(&s.names);
}

static struct json_notes notes_of(const char *text)
{
    struct seen s = {.names = {0}};
    struct json_notes notes = {false, false, false, false};
    if (read_text(&s, &notes, slice_str(text)) < 0)
        ok(false, "%s is JSON", text);
    buf_free(&s.names);
    return notes;
}

static void notes(void)
{
    static const char *const odd[] = {"{\"a/b\":1}", "{\"x\":[{\"a\\\\b\":1}]}",
                                      "{\"x\":{\"y\":{\"ab\x7f\":1}}}", "{\"in\":{\"\xc3\xa4\":1}}",
                                      "{\"abcdefghijklmnopqrstuvw/\":1}"};
    static const char *const plain[] = {"{\"a\":\"a/b\"}", "{\"abcdefgh\" : \"\xc3\xa4\"}",
                                        "{\"~?o\":[\"/\"]}"};
    static const char *const wide[] = {"{\"a\":9223372036854775808}", "{\"a\":[-9223372036854775809]}",
                                       "{\"a\":100000000000000000000}"};
    static const char *const narrow[] = {"{\"a\":9223372036854775807,\"b\":-9223372036854775808}",
                                         "{\"a\":9223372036854775808.0}", "{\"a\":1e99}"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        ok(notes_of(odd[i]).odd_key, "odd key %zu", i);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        ok(!notes_of(plain[i]).odd_key, "plain keys %zu", i);
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        ok(notes_of(wide[i]).wide_integer, "wide integer %zu", i);
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++)
        ok(!notes_of(narrow[i]).wide_integer, "no wide integer %zu", i);
    ok(notes_of("{\"x\":[{\"\":1}]}").empty_key && !notes_of("{\"x\":\"\"}").empty_key, "empty keys");
}

/* The scanner looks at blocks of eight: a fault at every place of a key, and the end of the document. */
static void faults(void)
{
    struct seen s = {.names = {0}};
    struct json_notes n = {false, false, false, false};
    char text[] = "{\"abcdefghijklmnopqrst\":1,\"in\":{\"uvwxyzabcdefg\":\"h\"}}";
    unsigned taken = 0;
    for (size_t cut = 0; cut < sizeof text - 1; cut++)
        taken += read_text(&s, &n, slice_of(text, cut)) == 0;
    is_int(taken, 0, "no part of a document is one");
    for (size_t i = 2; i < 22; i++) {
        char kept = text[i];
        text[i] = '\x01';
        taken += read_text(&s, &n, slice_str(text)) == 0;
        text[i] = kept;
    }
    is_int(taken, 0, "a control byte is found wherever it stands in a key");
    is_int(read_text(&s, &n, slice_str(text)), 0, "the whole is fine");
    buf_free(&s.names);
}

int main(void)
{
    gathers();
    overflows();
    escapes();
    notes();
    faults();
    return done();
}
