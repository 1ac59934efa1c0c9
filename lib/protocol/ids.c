/* ids.c: names. */
#include "protocol/ids.h"

#include "base/banned.h"

enum { ID_MAX = 256, CONNECTION_MAX = 100, KEY_MAX = 256, LABEL_MIN = 3, LABEL_MAX = 165 };

static const struct {
    const char *text, *code, *what;
} entities[] = {
    [ENTITY_THING] = {"thing", "things:id.invalid", "thing id"},
    [ENTITY_POLICY] = {"policy", "policies:id.invalid", "policy id"},
    [ENTITY_CONNECTION] = {"connection", "connectivity:connection.id.invalid", "connection id"},
    [ENTITY_NAMESPACED] = {"entity", "namespacedentity.id.invalid", "entity id"},
};

const char *entity_type_text(enum entity_type t)
{
    return entities[t].text;
}

/* What a byte may be part of. In UTF-8 the lead bytes c2 and c3 are exactly U+0080..U+00FF, the control characters beyond
 * ASCII for Ditto. */
enum { LETTER = 1, WORD = 2, JOINT = 4, ID = 8, NAME = 16, CLEAN = 32 };

static unsigned char classes[256];

static void classify(void)
{
    for (unsigned c = 0; c < 256; c++) {
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool word = letter || (c >= '0' && c <= '9') || c == '_';
        bool joint = c == '.' || c == '-';
        bool control = c < 0x20 || c == 0x7f || c == 0xc2 || c == 0xc3;
        classes[c] = (unsigned char)((letter ? LETTER : 0) | (word ? WORD : 0) | (joint ? JOINT : 0) |
                                     (word || c == '-' || c == ':' ? ID : 0) |
                                     (control || c == '/' ? 0 : NAME) | (control ? 0 : CLEAN));
    }
}

static inline unsigned class_of(char c)
{
    return classes[(unsigned char)c];
}

/* Is every byte one of this class? */
static bool all_of(struct slice s, unsigned class)
{
    unsigned common = class;
    if (!classes['a'])
        classify();
    for (; s.len >= 4; s = slice_skip(s, 4))
        common &= class_of(s.p[0]) & class_of(s.p[1]) & class_of(s.p[2]) & class_of(s.p[3]);
    for (size_t i = 0; i < s.len; i++)
        common &= class_of(s.p[i]);
    return common == class;
}

size_t utf16_length(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        n += (c & 0xc0) != 0x80; /* every character but not its continuation bytes */
        n += c >= 0xf0;          /* beyond U+FFFF: a surrogate pair */
    }
    return n;
}

bool has_control(struct slice s)
{
    return !all_of(s, CLEAN);
}

static bool no_slash_no_control(struct slice s)
{
    return s.len && all_of(s, NAME);
}

static bool namespace_valid(struct slice s)
{
    unsigned next = LETTER; /* at the start of a word */
    if (!classes['a'])
        classify();
    for (size_t i = 0; i < s.len; i++) {
        unsigned class = class_of(s.p[i]);
        if (!(class & next))
            return false;
        next = class & JOINT ? LETTER : WORD | JOINT;
    }
    return !s.len || next != LETTER;
}

static bool namespaced_valid(struct slice namespace, struct slice name)
{
    if (!namespace_valid(namespace) || !no_slash_no_control(name))
        return false;
    return namespace.len + 1 + name.len <= ID_MAX || namespace.len + 1 + utf16_length(name) <= ID_MAX;
}

/* Of [a-zA-Z0-9-_:] only, min to max of them. */
static bool id_chars(struct slice s, size_t min, size_t max)
{
    return s.len >= min && s.len <= max && all_of(s, ID);
}

static int fail(struct ditto_error *err, enum entity_type t, struct slice namespace, struct slice name)
{
    return ditto_fail(err, 400, entities[t].code,
                      t == ENTITY_CONNECTION ? "It has 1 to 100 letters, digits, '-', '_' and ':'."
                                             : "It is a namespace, ':' and a name, 256 characters at most.",
                      NULL, "'%.*s%s%.*s' is no valid %s.", SLICE_ARG(namespace), namespace.p ? ":" : "",
                      SLICE_ARG(name), entities[t].what);
}

int entity_id_check(struct slice namespace, struct slice name, enum entity_type t, struct ditto_error *err)
{
    if (t == ENTITY_CONNECTION)
        return id_chars(name, 1, CONNECTION_MAX) ? 0 : fail(err, t, SLICE_NONE, name);
    return namespaced_valid(namespace, name) ? 0 : fail(err, t, namespace, name);
}

int entity_id_parse(struct slice text, enum entity_type t, struct entity_id *out, struct ditto_error *err)
{
    struct entity_id id = {.full = text};
    struct slice rest = text, head = t == ENTITY_CONNECTION ? SLICE_NONE : slice_cut(&rest, ':');
    if (t != ENTITY_CONNECTION && !rest.p)
        return fail(err, t, SLICE_NONE, text);
    if (entity_id_check(head, rest, t, err) < 0)
        return -1;
    if (t != ENTITY_CONNECTION) {
        id.namespace = head;
        id.name = rest;
    }
    if (out)
        *out = id;
    return 0;
}

bool key_valid(struct slice key)
{
    return no_slash_no_control(key) && (key.len <= KEY_MAX || utf16_length(key) <= KEY_MAX);
}

int key_check(struct slice key, struct ditto_error *err)
{
    if (key_valid(key))
        return 0;
    return ditto_fail(err, 400, "json.key.invalid",
                      "A key has 1 to 256 characters, none of them '/' or a control character.", NULL,
                      "'%.*s' is no valid key.", SLICE_ARG(key));
}

static struct slice skip_blanks(struct slice s)
{
    while (s.len && s.p[0] == ' ')
        s = slice_skip(s, 1);
    return s;
}

static bool take(struct slice *s, struct slice text)
{
    bool there = slice_starts(*s, text);
    if (there)
        *s = slice_skip(*s, text.len);
    return there;
}

static bool take_word(struct slice *s)
{
    size_t n = 0;
    while (n < s->len && s->p[n] >= 'a' && s->p[n] <= 'z')
        n++;
    *s = slice_skip(*s, n);
    return n > 0;
}

/* Takes "{{ name:name }}:" from the front, if it starts like one. */
static bool take_placeholder(struct slice *s)
{
    if (!take(s, S("{{")))
        return true;
    *s = skip_blanks(*s);
    if (!take_word(s) || !take(s, S(":")) || !take_word(s))
        return false;
    *s = skip_blanks(*s);
    return take(s, S("}}:"));
}

int ack_label_check(struct slice label, struct ditto_error *err)
{
    struct slice rest = label;
    if (take_placeholder(&rest) && id_chars(rest, LABEL_MIN, LABEL_MAX))
        return 0;
    return ditto_fail(err, 400, "acknowledgement:label.invalid",
                      "It has 3 to 165 letters, digits, '-', '_' and ':', after a placeholder if need be.",
                      NULL, "'%.*s' is no valid acknowledgement label.", SLICE_ARG(label));
}

bool ack_label_builtin(struct slice label)
{
    return slice_eq(label, S("twin-persisted")) || slice_eq(label, S("live-response")) ||
           slice_eq(label, S("search-persisted"));
}
