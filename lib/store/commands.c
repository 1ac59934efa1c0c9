#include "store/commands.h"

#include "base/clock.h"
#include "connection/edit.h"
#include "store/fields.h"

#include "base/banned.h"

#define COMMANDS  "connectivity.commands:"
#define RESPONSES "connectivity.responses:"

struct call {
    struct store *store;
    struct json line, signal;
    bool secrets; /* asked for and allowed */
    bool supervised, forward;
    const struct command *command;
    struct slice id;         /* of the connection; decoded */
    struct json document;    /* the member connection */
    const struct held *held; /* NULL: there is no such connection now */
    struct buf *out;
    struct buf id_text, scratch; /* decoded: what id points to; other texts */
};

/* --- answers ---------------------------------------------------------------------------------------------------- */

/* The response up to its own members; answer_close ends it. */
static void answer_open(struct call *c, int status, uint64_t revision);

static void answer_close(struct call *c)
{
    buf_putc(c->out, '}');
    answer_end(c->out);
}

static void put_document(struct buf *dst, const struct call *c, struct json doc)
{
    if (c->secrets)
        buf_put_slice(dst, json_slice(doc));
    else
        connection_put_masked(dst, doc);
}

static const struct held *now(const struct call *c)
{
    return state_find(&c->store->state, c->id);
}

/* --- errors ----------------------------------------------------------------------------------------------------- */

static int not_found(struct slice id, struct ditto_error *err)
{
    return ditto_fail(err, 404, "connectivity:connection.notfound",
                      "Check the id; conn-ctl list shows all of them.", NULL,
                      "There is no connection '%.*s'.", SLICE_ARG(id));
}

static int missing(const char *pointer, struct ditto_error *err)
{
    return ditto_fail(err, 400, "json.field.missing", "Add it to the command.", pointer,
                      "The command lacks the member '%s'.", pointer + 1);
}

static int not_this_type(const char *pointer, const char *type, struct ditto_error *err)
{
    return ditto_fail(err, 400, "json.invalid", NULL, pointer, "The member '%s' of the command is not %s.",
                      pointer + 1, type);
}

/* --- what commands need ----------------------------------------------------------------------------------------- */

static int take_id(struct call *c, struct ditto_error *err)
{
    struct json id = json_get(c->signal, S("connectionId"));
    if (!json_present(id))
        return missing("/connectionId", err);
    c->id = json_text(id, &c->id_text);
    if (!c->id.p)
        return not_this_type("/connectionId", "a string", err);
    if (!connection_id_valid(c->id))
        return ditto_fail(err, 400, "connectivity:connection.id.invalid",
                          "An id has 1 to 100 characters out of a-z, A-Z, 0-9, '-', '_' and ':'.",
                          "/connectionId", "The connection id '%.*s' is not valid.", SLICE_ARG(c->id));
    return 0;
}

/* The id of a document that has none, or a wrong one, is left to connection_edit, which says what is wrong. */
static int take_document(struct call *c, struct ditto_error *err)
{
    c->document = json_get(c->signal, S("connection"));
    if (!json_present(c->document))
        return missing("/connection", err);
    if (c->document.type != JSON_OBJECT)
        return not_this_type("/connection", "an object", err);
    c->id = json_text(json_get(c->document, S("id")), &c->id_text);
    if (!c->id.p)
        c->id = S("");
    return 0;
}

static void find_held(struct call *c)
{
    const struct held *h = now(c);
    c->held = h && !h->deleted ? h : NULL;
}

/* --- commands --------------------------------------------------------------------------------------------------- */

static int create(struct call *c, struct ditto_error *err)
{
    struct json none = {JSON_ABSENT, NULL, 0};
    struct buf doc = {0};
    if (c->held)
        return ditto_fail(err, 409, "connectivity:connection.conflict",
                          "Choose another id, or modify the connection.", NULL,
                          "The connection '%.*s' exists already.", SLICE_ARG(c->id));
    int rc = connection_edit(&doc, c->document, none, err);
    if (rc == 0)
        rc = store_append(c->store, EVENT_CREATED, c->id, buf_slice(&doc), err);
    if (rc == 0) {
        answer_open(c, 201, now(c)->revision);
        json_put_key(c->out, S("connection"));
        put_document(c->out, c, held_doc(now(c)));
        answer_close(c);
    }
    buf_wipe(&doc);
    return rc;
}

static int modify(struct call *c, struct ditto_error *err)
{
    struct buf doc = {0};
    if (!c->held)
        return not_found(c->id, err);
    int rc = connection_edit(&doc, c->document, held_doc(c->held), err);
    if (rc == 0)
        rc = store_append(c->store, EVENT_MODIFIED, c->id, buf_slice(&doc), err);
    if (rc == 0) {
        answer_open(c, 204, now(c)->revision);
        answer_close(c);
    }
    buf_wipe(&doc);
    return rc;
}

static int change(struct call *c, enum event_type event, int status, struct ditto_error *err)
{
    if (store_append(c->store, event, c->id, SLICE_NONE, err) != 0)
        return -1;
    answer_open(c, status, now(c)->revision);
    answer_close(c);
    return 0;
}

static int delete (struct call *c, struct ditto_error *err)
{
    return change(c, EVENT_DELETED, 204, err);
}

/* What is open already is opened again, as in Ditto: it is a wish, and followers may act on it. */
static int open_connection(struct call *c, struct ditto_error *err)
{
    return change(c, EVENT_OPENED, 200, err);
}

static int close_connection(struct call *c, struct ditto_error *err)
{
    return change(c, EVENT_CLOSED, 200, err);
}

static void put_entity_members(struct buf *dst, const struct held *h)
{
    char iso[ISO_SIZE];
    json_put_member_int(dst, S("_revision"), (int64_t)h->entity_revision);
    json_put_member_text(dst, S("_modified"), slice_str(clock_iso(iso, h->modified)));
    json_put_member_text(dst, S("_created"), slice_str(clock_iso(iso, h->created)));
}

/* The document with the members that are only shown to whoever selects them, in Ditto's order: after id and name. */
static void put_with_hidden(struct buf *dst, struct json doc, const struct held *h)
{
    struct json_iter it = json_iter(doc);
    bool placed = false;
    buf_puts(dst, "{\"__lifecycle\":\"ACTIVE\"");
    while (json_next(&it)) {
        if (!placed && !json_key_is(it.key, S("id")) && !json_key_is(it.key, S("name"))) {
            put_entity_members(dst, h);
            placed = true;
        }
        json_put_item(dst);
        buf_putc(dst, '"');
        buf_put_slice(dst, it.key);
        buf_puts(dst, "\":");
        buf_put_slice(dst, json_slice(it.value));
    }
    buf_putc(dst, '}');
}

static void put_selection(struct call *c, const struct fields *f)
{
    struct buf shown = {0}, whole = {0};
    put_document(&shown, c, held_doc(c->held));
    put_with_hidden(&whole, (struct json){JSON_OBJECT, buf_p(&shown), shown.len}, c->held);
    fields_put(c->out, (struct json){JSON_OBJECT, buf_p(&whole), whole.len}, f);
    buf_wipe(&shown);
    buf_wipe(&whole);
}

static int retrieve(struct call *c, struct ditto_error *err)
{
    struct json selected = json_get(c->signal, S("selectedFields"));
    struct fields f;
    if (json_present(selected)) {
        struct slice text = json_text(selected, &c->scratch);
        if (!text.p)
            return not_this_type("/selectedFields", "a string", err);
        if (fields_parse(&f, text, err) != 0)
            return -1;
    }
    answer_open(c, 200, c->held->revision);
    json_put_key(c->out, S("connection"));
    if (json_present(selected))
        put_selection(c, &f);
    else
        put_document(c->out, c, held_doc(c->held));
    answer_close(c);
    return 0;
}

static int retrieve_ids(struct call *c, struct ditto_error *err)
{
    const struct held *h = NULL;
    (void)err;
    answer_open(c, 200, 0);
    json_put_key(c->out, S("connectionIds"));
    buf_putc(c->out, '[');
    while ((h = state_next(&c->store->state, h ? h->id : SLICE_NONE)))
        if (!h->deleted) {
            json_put_item(c->out);
            json_put_text(c->out, h->id);
        }
    buf_putc(c->out, ']');
    answer_close(c);
    return 0;
}

static int ask_supervisor(struct call *c, struct ditto_error *err)
{
    if (!c->supervised)
        return ditto_fail(err, 503, "connectivity:connection.unavailable", "Start conn-supervise.", NULL,
                          "Nobody is there who knows about the live state of connection '%.*s'.",
                          SLICE_ARG(c->id));
    c->forward = true;
    return 0;
}

/* --- the table -------------------------------------------------------------------------------------------------- */

enum need { NEEDS_NOTHING, NEEDS_DOCUMENT, NEEDS_CONNECTION };

static const struct command {
    const char *name;
    enum need needs; /* NEEDS_DOCUMENT: connection; NEEDS_CONNECTION: the connectionId of one that exists */
    int (*run)(struct call *c, struct ditto_error *err);
} commands[] = {
    {"createConnection", NEEDS_DOCUMENT, create},
    {"modifyConnection", NEEDS_DOCUMENT, modify},
    {"deleteConnection", NEEDS_CONNECTION, delete},
    {"openConnection", NEEDS_CONNECTION, open_connection},
    {"closeConnection", NEEDS_CONNECTION, close_connection},
    {"retrieveConnection", NEEDS_CONNECTION, retrieve},
    {"retrieveAllConnectionIds", NEEDS_NOTHING, retrieve_ids},
    {"retrieveConnectionStatus", NEEDS_CONNECTION, ask_supervisor},
};

static void answer_open(struct call *c, int status, uint64_t revision)
{
    answer_begin(c->out, c->line, revision);
    buf_printf(c->out, "{\"type\":\"" RESPONSES "%s\",\"status\":%d", c->command->name, status);
    if (c->command->needs != NEEDS_NOTHING)
        json_put_member_text(c->out, S("connectionId"), c->id);
}

static const struct command *find_command(struct slice type)
{
    if (!slice_starts(type, S(COMMANDS)))
        return NULL;
    struct slice name = slice_skip(type, sizeof COMMANDS - 1);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (slice_eq(name, slice_str(commands[i].name)))
            return &commands[i];
    return NULL;
}

static int take_command(struct call *c, struct ditto_error *err)
{
    if (c->signal.type != JSON_OBJECT)
        return ditto_fail(err, 400, "json.invalid", NULL, "/signal", "The signal is not an object.");
    struct json type = json_get(c->signal, S("type"));
    if (!json_present(type))
        return missing("/type", err);
    struct slice text = json_text(type, &c->scratch);
    if (!text.p)
        return not_this_type("/type", "a string", err);
    c->command = find_command(text);
    if (!c->command)
        return ditto_fail(err, 400, "json.type.notparsable", NULL, "/type",
                          "The type '%.*s' is not known here.", SLICE_ARG(text));
    return 0;
}

static int run(struct call *c, struct ditto_error *err)
{
    if (take_command(c, err) != 0)
        return -1;
    if (c->command->needs == NEEDS_DOCUMENT && take_document(c, err) != 0)
        return -1;
    if (c->command->needs == NEEDS_CONNECTION && take_id(c, err) != 0)
        return -1;
    find_held(c);
    if (c->command->needs == NEEDS_CONNECTION && !c->held)
        return not_found(c->id, err);
    return c->command->run(c, err);
}

enum outcome commands_run(struct store *s, struct json line, struct asker asker, struct buf *out)
{
    struct ditto_error err = {0};
    struct call c = {
        .store = s,
        .line = line,
        .signal = json_get(line, S("signal")),
        .secrets = asker.secrets && json_get(line, S("secrets")).type == JSON_TRUE,
        .supervised = asker.supervised,
        .id = S(""),
        .out = out,
    };
    size_t before = out->len;
    if (run(&c, &err) != 0)
        answer_error(out, line, &err);
    if (!answer_wanted(line))
        buf_cut(out, before);
    buf_free(&c.id_text);
    buf_free(&c.scratch);
    return c.forward ? COMMAND_FORWARD : COMMAND_ANSWERED;
}
