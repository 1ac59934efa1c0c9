/* path.c: shapes are patterns; a tree made of them is walked segment by segment. */
#include "protocol/path.h"

#include "base/log.h"
#include "json/json.h"
#include "protocol/ids.h"

#include "base/banned.h"

/* --- the shapes ------------------------------------------------------------------------------------------------- */

enum tree { TREE_THING, TREE_POLICY, TREE_MESSAGE, TREES };

static const struct {
    unsigned trees; /* bits: where it is looked for */
    const char *pattern;
} shapes[SHAPES] = {
    [SHAPE_UNKNOWN] = {0, ""},
    [SHAPE_ROOT] = {1 << TREE_THING | 1 << TREE_POLICY, "/"},
    [SHAPE_POLICY_ID] = {1 << TREE_THING, "/policyId"},
    [SHAPE_DEFINITION] = {1 << TREE_THING, "/definition"},
    [SHAPE_ATTRIBUTES] = {1 << TREE_THING, "/attributes"},
    [SHAPE_ATTRIBUTE] = {1 << TREE_THING, "/attributes/{attribute...}"},
    [SHAPE_FEATURES] = {1 << TREE_THING, "/features"},
    [SHAPE_FEATURE] = {1 << TREE_THING, "/features/{featureId}"},
    [SHAPE_FEATURE_DEFINITION] = {1 << TREE_THING, "/features/{featureId}/definition"},
    [SHAPE_PROPERTIES] = {1 << TREE_THING, "/features/{featureId}/properties"},
    [SHAPE_PROPERTY] = {1 << TREE_THING, "/features/{featureId}/properties/{property...}"},
    [SHAPE_DESIRED_PROPERTIES] = {1 << TREE_THING, "/features/{featureId}/desiredProperties"},
    [SHAPE_DESIRED_PROPERTY] = {1 << TREE_THING,
                                "/features/{featureId}/desiredProperties/{desiredProperty...}"},
    [SHAPE_INLINE_POLICY] = {1 << TREE_THING, "/_policy"},
    [SHAPE_INLINE_POLICY_PART] = {1 << TREE_THING, "/_policy/{part...}"},
    [SHAPE_ENTRIES] = {1 << TREE_POLICY, "/entries"},
    [SHAPE_ENTRY] = {1 << TREE_POLICY, "/entries/{label}"},
    [SHAPE_RESOURCES] = {1 << TREE_POLICY, "/entries/{label}/resources"},
    [SHAPE_RESOURCE] = {1 << TREE_POLICY, "/entries/{label}/resources/{resourceKey...}"},
    [SHAPE_SUBJECTS] = {1 << TREE_POLICY, "/entries/{label}/subjects"},
    [SHAPE_SUBJECT] = {1 << TREE_POLICY, "/entries/{label}/subjects/{subjectId...}"},
    [SHAPE_IMPORTABLE] = {1 << TREE_POLICY, "/entries/{label}/importable"},
    [SHAPE_ALLOWED_ADDITIONS] = {1 << TREE_POLICY, "/entries/{label}/allowedAdditions"},
    [SHAPE_NAMESPACES] = {1 << TREE_POLICY, "/entries/{label}/namespaces"},
    [SHAPE_REFERENCES] = {1 << TREE_POLICY, "/entries/{label}/references"},
    [SHAPE_IMPORTS] = {1 << TREE_POLICY, "/imports"},
    [SHAPE_IMPORT] = {1 << TREE_POLICY, "/imports/{importedPolicyId}"},
    [SHAPE_IMPORT_ENTRIES] = {1 << TREE_POLICY, "/imports/{importedPolicyId}/entries"},
    [SHAPE_TRANSITIVE_IMPORTS] = {1 << TREE_POLICY, "/imports/{importedPolicyId}/transitiveImports"},
    [SHAPE_INBOX] = {1 << TREE_MESSAGE, "/inbox/messages/{subject...}"},
    [SHAPE_OUTBOX] = {1 << TREE_MESSAGE, "/outbox/messages/{subject...}"},
    [SHAPE_FEATURE_INBOX] = {1 << TREE_MESSAGE, "/features/{featureId}/inbox/messages/{subject...}"},
    [SHAPE_FEATURE_OUTBOX] = {1 << TREE_MESSAGE, "/features/{featureId}/outbox/messages/{subject...}"},
};

const char *shape_text(enum shape s)
{
    return shapes[s].pattern;
}

/* --- patterns --------------------------------------------------------------------------------------------------- */

/* A segment of a pattern: a word, {key} or {key...}. */
struct part {
    struct slice word; /* of a key its name */
    bool key, open;
};

enum { MAX_PARTS = 5 };

/* The patterns, taken apart once. */
static struct {
    unsigned char n, n_keys;
    struct part parts[MAX_PARTS];
} patterns[SHAPES];

static struct part part_of(struct slice s)
{
    struct part p = {.key = slice_starts(s, S("{")), .open = slice_ends(s, S("...}"))};
    p.word = p.key ? slice_of(s.p + 1, s.len - (p.open ? 5 : 2)) : s;
    return p;
}

static void read_pattern(enum shape s)
{
    struct slice rest = slice_skip(slice_str(shapes[s].pattern), 1);
    while (rest.len) {
        struct part p = part_of(slice_cut(&rest, '/'));
        if (patterns[s].n == MAX_PARTS)
            bug("the pattern '%s' is too long", shapes[s].pattern);
        patterns[s].parts[patterns[s].n++] = p;
        patterns[s].n_keys = (unsigned char)(patterns[s].n_keys + p.key);
    }
}

/* --- the trees -------------------------------------------------------------------------------------------------- */

struct node {
    struct part part;
    unsigned char child, next; /* 0: none */
    unsigned char shape;       /* of a path that ends here */
};

static struct node nodes[64];
static unsigned n_nodes;
static unsigned char roots[TREES]; /* first child of each root */

static struct node *child_for(unsigned char *link, struct part p)
{
    for (; *link; link = &nodes[*link].next)
        if (nodes[*link].part.key == p.key && nodes[*link].part.open == p.open &&
            slice_eq(nodes[*link].part.word, p.word))
            return &nodes[*link];
    *link = (unsigned char)++n_nodes; /* 0 stays free */
    nodes[*link].part = p;
    return &nodes[*link];
}

static void add_shape(enum tree t, enum shape s)
{
    unsigned char *link = &roots[t];
    struct node *n = NULL;
    for (unsigned i = 0; i < patterns[s].n; i++) {
        n = child_for(link, patterns[s].parts[i]);
        link = &n->child;
    }
    if (n)
        n->shape = (unsigned char)s;
}

static void prepare(void)
{
    for (unsigned s = SHAPE_ROOT; s < SHAPES; s++)
        read_pattern((enum shape)s);
    for (unsigned t = 0; t < TREES; t++)
        for (unsigned s = SHAPE_ROOT; s < SHAPES; s++)
            if (shapes[s].trees >> t & 1)
                add_shape((enum tree)t, (enum shape)s);
}

size_t shape_keys(enum shape s, struct slice names[PATH_KEYS])
{
    size_t n = 0;
    if (n_nodes == 0)
        prepare();
    for (unsigned i = 0; n < patterns[s].n_keys; i++)
        if (patterns[s].parts[i].key)
            names[n++] = patterns[s].parts[i].word;
    return n;
}

bool shape_open(enum shape s)
{
    if (n_nodes == 0)
        prepare();
    return patterns[s].n && patterns[s].parts[patterns[s].n - 1].open;
}

/* Words before keys: the patterns say so by their order. */
static const struct node *step(unsigned char link, struct slice segment)
{
    for (; link; link = nodes[link].next)
        if (nodes[link].part.key || slice_eq(nodes[link].part.word, segment))
            return &nodes[link];
    return NULL;
}

static enum shape walk(enum tree t, struct path *p)
{
    if (n_nodes == 0)
        prepare();
    struct slice rest = p->text;
    unsigned char link = roots[t];
    enum shape shape = t == TREE_MESSAGE ? SHAPE_UNKNOWN : SHAPE_ROOT;
    for (size_t keys = 0; rest.len;) {
        struct slice all = rest, segment = slice_cut(&rest, '/');
        const struct node *n = step(link, segment);
        if (!n)
            return SHAPE_UNKNOWN;
        if (n->part.key)
            p->keys[keys++] = n->part.open ? all : segment;
        shape = (enum shape)n->shape;
        if (n->part.open)
            break;
        link = n->child;
    }
    return shape;
}

/* --- texts ------------------------------------------------------------------------------------------------------ */

/* The first "//", or NULL. */
static const char *double_slash(struct slice s)
{
    const char *p = s.p, *end = s.p + s.len;
    while (s.len && p < end && (p = memchr(p, '/', (size_t)(end - p))) && p + 1 < end) {
        if (p[1] == '/')
            return p;
        p++;
    }
    return NULL;
}

/* Without the first slash, and without the last one unless splitting stopped before it. */
static struct slice trimmed(struct slice s, bool keep_last)
{
    s = slice_skip(s, s.len && s.p[0] == '/');
    if (!keep_last && s.len && s.p[s.len - 1] == '/')
        s.len--;
    return s;
}

/* May it stand there: behind "entries/<label>/subjects" of a policy? */
static bool in_subject(struct slice text, const char *at)
{
    struct slice rest = trimmed(text, true);
    bool entries = slice_eq(slice_cut(&rest, '/'), S("entries"));
    return entries && slice_cut(&rest, '/').len && slice_starts(rest, S("subjects/")) && at >= rest.p + 8;
}

static int refuse_doubled(struct slice text, struct ditto_error *err)
{
    return ditto_fail(err, 400, "json.pointer.invalid", "Two slashes must not follow each other.", "/path",
                      "The path '%.*s' is no JSON pointer.", SLICE_ARG(text));
}

int path_parse(struct slice text, enum topic_group group, struct path *out, struct ditto_error *err)
{
    const char *doubled = double_slash(text);
    if (doubled && (group != GROUP_POLICIES || !in_subject(text, doubled)))
        return refuse_doubled(text, err);
    out->text = trimmed(text, doubled != NULL);
    out->shape = walk(group == GROUP_POLICIES ? TREE_POLICY : TREE_THING, out);
    return 0;
}

/* Of a feature's message the first four levels are a pointer: "features/<id>/inbox/messages". */
static bool in_levels(struct slice text, const char *at)
{
    struct slice rest = trimmed(text, true);
    if (!slice_eq(slice_cut(&rest, '/'), S("features")))
        return false;
    for (int level = 1; level < 4 && rest.p; level++)
        slice_cut(&rest, '/');
    return !rest.p || at + 1 < rest.p;
}

int path_parse_message(struct slice text, struct path *out, struct ditto_error *err)
{
    const char *doubled = double_slash(text);
    if (doubled && in_levels(text, doubled))
        return refuse_doubled(text, err);
    out->text = trimmed(text, doubled != NULL);
    out->shape = walk(TREE_MESSAGE, out);
    if (out->shape != SHAPE_UNKNOWN)
        return 0;
    return ditto_fail(err, 400, "protocoladapter:invalid.path",
                      "It reads [/features/ID]/inbox/messages/SUBJECT, or outbox.", "/path",
                      "The path '%.*s' is none of a message.", SLICE_ARG(text));
}

void pointer_put_escaped(struct buf *dst, struct slice text, bool literal)
{
    while (text.len) {
        const char *at = memchr(text.p, '~', text.len);
        size_t n = at ? (size_t)(at - text.p) : text.len;
        json_put_escaped(dst, slice_of(text.p, n));
        text = slice_skip(text, n);
        if (!at)
            break;
        bool escaped = !literal && text.len > 1 && text.p[1] == '0';
        buf_put(dst, "~0", 2);
        text = slice_skip(text, escaped ? 2 : 1);
    }
}

void path_put(struct buf *dst, enum shape s, const struct slice keys[PATH_KEYS])
{
    if (n_nodes == 0)
        prepare();
    if (!patterns[s].n)
        buf_putc(dst, '/');
    for (const struct part *p = patterns[s].parts; p < patterns[s].parts + patterns[s].n; p++) {
        struct slice word = p->key ? trimmed(*keys, !p->open || double_slash(*keys)) : p->word;
        keys += p->key;
        if (word.len)
            buf_putc(dst, '/');
        if (p->key)
            pointer_put_escaped(dst, word, false);
        else
            buf_put_slice(dst, word);
    }
}

bool path_keys_valid(struct slice rest)
{
    rest = slice_skip(rest, rest.len && rest.p[0] == '/');
    while (rest.p)
        if (!key_valid(slice_cut(&rest, '/')))
            return false;
    return true;
}
