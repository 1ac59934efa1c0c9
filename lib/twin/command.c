#include "twin/command.h"

#include "base/banned.h"

enum { TEXT_ID, TEXT_PLACE, TEXT_KEY, TEXT_FIELDS, TEXT_ORIGIN, TEXT_PARENT };

void command_free(struct command *c)
{
    for (size_t i = 0; i < sizeof c->texts / sizeof *c->texts; i++)
        buf_free(&c->texts[i]);
}

struct json command_member(const struct command *c, const char *name)
{
    return json_view_get(&c->inside.signal, slice_str(name));
}

struct json command_header(const struct command *c, struct slice name)
{
    return json_view_get(&c->inside.headers, name);
}

struct slice command_header_text(const struct command *c, struct slice name, struct buf *scratch)
{
    return json_text(command_header(c, name), scratch);
}

bool command_header_bool(const struct command *c, struct slice name, bool otherwise)
{
    struct json v = command_header(c, name);
    if (!json_present(v))
        return otherwise;
    return v.type == JSON_TRUE || json_text_is(v, S("true"));
}

static int missing(struct ditto_error *err, const char *name)
{
    return ditto_fail(err, 400, "json.field.missing", "Add it.", NULL, "The command has no '%s'.", name);
}

static int read_id(struct command *c, struct ditto_error *err)
{
    const char *name = c->plan->kind == KIND_POLICY ? "policyId" : "thingId";
    struct json v = command_member(c, name);
    if (c->plan->deed == DEED_RETRIEVE_MANY)
        return 0;
    if (c->plan->deed == DEED_CREATE)
        v = json_get(command_member(c, c->plan->command->member), slice_str(name));
    c->id = json_text(v, &c->texts[TEXT_ID]);
    return c->id.p ? 0 : missing(err, name);
}

/* --- the place ---------------------------------------------------------------------------------------------------- */

/* "{label}" becomes the member of the signal with that name, "{attribute...}" a pointer or, of policies, one key. */
static int put_key(struct command *c, struct slice name, struct ditto_error *err)
{
    struct buf *place = &c->texts[TEXT_PLACE], *scratch = &c->texts[TEXT_KEY];
    char z[40];
    bool open = slice_ends(name, S("..."));
    name.len -= open ? 3 : 0;
    memcpy(z, name.p, name.len);
    z[name.len] = '\0';
    buf_reset(scratch, 4096);
    struct slice text = json_text(command_member(c, z), scratch);
    if (!text.p)
        return missing(err, z);
    if (open && c->plan->kind == KIND_THING) {
        if (!slice_starts(text, S("/")))
            buf_putc(place, '/');
        buf_put_slice(place, text);
        return 0;
    }
    if (open) { /* as the adapter writes pointers */
        struct buf plain = {0};
        struct slice key = pointer_key(text, POINTER_DITTO, &plain);
        pointer_put_key(place, key, c->dialect);
        buf_free(&plain);
    } else {
        pointer_put_key(place, text, c->dialect);
    }
    return 0;
}

static int put_place(struct command *c, enum shape s, struct ditto_error *err)
{
    struct slice rest = slice_skip(slice_str(shape_text(s)), 1);
    while (rest.len) {
        struct slice word = slice_cut(&rest, '/');
        if (slice_starts(word, S("{"))) {
            word.p++, word.len -= 2;
            if (put_key(c, word, err) < 0)
                return -1;
        } else {
            pointer_put_key(&c->texts[TEXT_PLACE], word, c->dialect);
        }
    }
    return 0;
}

/* The place of a merge is a pointer; what shape it has tells what it is about. */
static int read_merge_place(struct command *c, struct ditto_error *err)
{
    struct path path;
    struct slice text = json_text(command_member(c, "path"), &c->texts[TEXT_PLACE]);
    if (!text.p)
        return missing(err, "path");
    if (path_parse(text, GROUP_THINGS, &path, err) < 0)
        return -1;
    c->shape = path.shape;
    c->place = slice_eq(text, S("/")) ? S("") : text;
    return 0;
}

/* The first two words: "/features/lamp" */
static void find_parent(struct command *c)
{
    struct slice rest = slice_skip(c->place, 1);
    bool feature = slice_starts(c->place, S("/features/"));
    bool entry = c->dialect == POINTER_RFC6901 && slice_starts(c->place, S("/entries/"));
    bool import = c->dialect == POINTER_RFC6901 && slice_starts(c->place, S("/imports/"));
    c->parent = SLICE_NONE;
    slice_cut(&rest, '/');
    slice_cut(&rest, '/');
    if (!rest.p || !(feature || entry || import))
        return;
    c->parent = slice_of(c->place.p, (size_t)(rest.p - 1 - c->place.p));
    c->parent_code = feature ? S("things:feature.notfound")
                     : entry ? S("policies:entry.notfound")
                             : S("policies:import.notfound");
}

static int read_place(struct command *c, struct ditto_error *err)
{
    c->dialect = c->plan->kind == KIND_POLICY ? POINTER_RFC6901 : POINTER_DITTO;
    c->shape = c->plan->command->shape;
    if (c->plan->deed == DEED_MERGE)
        return read_merge_place(c, err);
    if (put_place(c, c->shape, err) < 0)
        return -1;
    c->place = buf_slice(&c->texts[TEXT_PLACE]);
    find_parent(c);
    return 0;
}

/* --- the whole ----------------------------------------------------------------------------------------------------- */

static void read_context(struct command *c)
{
    struct json context = c->line.context;
    c->origin = json_text(json_get(context, S("connection")), &c->texts[TEXT_ORIGIN]);
    c->subjects = json_get(context, S("subjects"));
    if (c->subjects.type != JSON_ARRAY)
        c->subjects.type = JSON_ABSENT;
}

int command_read(struct command *c, struct ditto_error *err)
{
    for (size_t i = 0; i < sizeof c->texts / sizeof *c->texts; i++)
        buf_reset(&c->texts[i], 64 * 1024);
    c->parent = SLICE_NONE;
    c->id = S("");
    if (read_id(c, err) < 0 || read_place(c, err) < 0)
        return -1;
    const char *member = c->plan->command->member;
    c->value = member ? command_member(c, member) : (struct json){JSON_ABSENT, NULL, 0};
    c->fields = json_text(command_member(c, "selectedFields"), &c->texts[TEXT_FIELDS]);
    read_context(c);
    bool needs = c->plan->deed == DEED_MODIFY || c->plan->deed == DEED_MERGE || c->plan->deed == DEED_CREATE;
    return needs && c->value.type == JSON_ABSENT ? missing(err, member) : 0;
}

struct json place_get(struct json doc, struct slice place, enum pointer_dialect dialect)
{
    struct pointer p;
    if (!pointer_parse(&p, place, dialect))
        return (struct json){JSON_ABSENT, NULL, 0};
    return pointer_get(doc, p);
}

struct json command_target(const struct command *c, struct json entity)
{
    return place_get(entity, c->place, c->dialect);
}
