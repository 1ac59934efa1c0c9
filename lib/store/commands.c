#include "store/call.h"

#include "connection/connection.h"

#include "base/banned.h"

#define COMMANDS       "connectivity.commands:"
#define RESPONSES      "connectivity.responses:"
#define SUDO_COMMANDS  "connectivity.sudo.commands:"
#define SUDO_RESPONSES "connectivity.sudo.responses:"

static const struct command commands[] = {
    {"createConnection", NEEDS_DOCUMENT, change_create, true, false},
    {"modifyConnection", NEEDS_DOCUMENT, change_modify, true, false},
    {"deleteConnection", NEEDS_CONNECTION, change_delete, true, false},
    {"openConnection", NEEDS_CONNECTION, change_open, true, false},
    {"closeConnection", NEEDS_CONNECTION, change_close, true, false},
    {"testConnection", NEEDS_DOCUMENT, change_test, true, false},
    {"resetConnectionMetrics", NEEDS_CONNECTION, query_supervisor, true, false},
    {"enableConnectionLogs", NEEDS_CONNECTION, query_supervisor, true, false},
    {"resetConnectionLogs", NEEDS_CONNECTION, query_supervisor, true, false},
    {"retrieveConnection", NEEDS_CONNECTION, query_connection, false, false},
    {"retrieveConnections", NEEDS_NOTHING, query_connections, false, false},
    {"retrieveAllConnectionIds", NEEDS_NOTHING, query_ids, false, false},
    {"retrieveConnectionStatus", NEEDS_CONNECTION, query_supervisor, false, false},
    {"retrieveConnectionMetrics", NEEDS_CONNECTION, query_supervisor, false, false},
    {"retrieveConnectionLogs", NEEDS_CONNECTION, query_supervisor, false, false},
    {"retrieveResolvedHonoConnection", NEEDS_CONNECTION, query_resolved, false, false},
    {"retrieveHonoConnection", NEEDS_CONNECTION, query_resolved, false, false},
    {"migrateEncryption", NEEDS_NOTHING, change_migrate, false, false},
    {"migrateEncryptionStatus", NEEDS_NOTHING, query_migration, false, false},
    {"migrateEncryptionAbort", NEEDS_NOTHING, change_migrate_abort, false, false},
    {"sudoRetrieveConnectionTags", NEEDS_CONNECTION, query_tags, false, true},
    {"sudoRetrieveConnectionIdsByTag", NEEDS_NOTHING, query_ids_by_tag, false, true},
    {"sudoAddConnectionLogEntry", NEEDS_CONNECTION, query_tell, false, true},
};

/* --- answers ------------------------------------------------------------------------------------------------------ */

void call_open(struct call *c, int status, const struct held *held)
{
    struct answer_headers h = {0};
    if (held)
        h = (struct answer_headers){held->revision, held->entity_revision, c->held && held != c->held};
    h.historical &= !c->command->changes;
    answer_begin(c->out, c->line, h);
    buf_printf(c->out, "{\"type\":\"%s%s\",\"status\":%d", c->command->sudo ? SUDO_RESPONSES : RESPONSES,
               c->command->name, status);
    if (c->command->needs != NEEDS_NOTHING)
        json_put_member_text(c->out, S("connectionId"), c->id);
}

void call_close(struct call *c)
{
    buf_putc(c->out, '}');
    answer_end(c->out);
}

void call_put_document(struct buf *dst, const struct call *c, struct json doc)
{
    if (c->secrets)
        buf_put_slice(dst, json_slice(doc));
    else
        connection_put_masked(dst, doc);
}

const struct held *call_now(const struct call *c)
{
    return state_find(&c->store->state, c->id);
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

int call_not_found(struct slice id, struct ditto_error *err)
{
    return ditto_fail(err, 404, "connectivity:connection.notfound",
                      "Check the id; conn-ctl list shows all of them.", NULL,
                      "There is no connection '%.*s'.", SLICE_ARG(id));
}

int call_check_size(const struct call *c, struct ditto_error *err)
{
    if (c->out->len - c->before <= CALL_ANSWER_BYTES)
        return 0;
    return ditto_fail(
        err, 500, "connectivity:internalerror",
        "Ask for ids (idsOnly), for selectedFields, or for one connection after the other; or follow.", NULL,
        "The answer would be longer than %d MiB.", CALL_ANSWER_BYTES / 1024 / 1024);
}

int call_missing(const char *pointer, struct ditto_error *err)
{
    return ditto_fail(err, 400, "json.field.missing", "Add it to the command.", pointer,
                      "The command lacks the member '%s'.", pointer + 1);
}

int call_not_this_type(const char *pointer, const char *type, struct ditto_error *err)
{
    return ditto_fail(err, 400, "json.invalid", NULL, pointer, "The member '%s' of the command is not %s.",
                      pointer + 1, type);
}

/* --- what commands need ------------------------------------------------------------------------------------------- */

static int take_id(struct call *c, struct ditto_error *err)
{
    struct json id = json_get(c->signal, S("connectionId"));
    if (!json_present(id))
        return call_missing("/connectionId", err);
    c->id = json_text(id, &c->id_text);
    if (!c->id.p)
        return call_not_this_type("/connectionId", "a string", err);
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
        return call_missing("/connection", err);
    if (c->document.type != JSON_OBJECT)
        return call_not_this_type("/connection", "an object", err);
    c->id = json_text(json_get(c->document, S("id")), &c->id_text);
    if (!c->id.p)
        c->id = S("");
    return 0;
}

static void find_held(struct call *c)
{
    const struct held *h = call_now(c);
    c->held = h && !h->deleted ? h : NULL;
}

static const struct command *find_command(struct slice type)
{
    bool sudo = slice_starts(type, S(SUDO_COMMANDS));
    if (!sudo && !slice_starts(type, S(COMMANDS)))
        return NULL;
    struct slice name = slice_skip(type, sudo ? sizeof SUDO_COMMANDS - 1 : sizeof COMMANDS - 1);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (commands[i].sudo == sudo && slice_eq(name, slice_str(commands[i].name)))
            return &commands[i];
    return NULL;
}

static int take_command(struct call *c, struct ditto_error *err)
{
    if (c->signal.type != JSON_OBJECT)
        return ditto_fail(err, 400, "json.invalid", NULL, "/signal", "The signal is not an object.");
    struct json type = json_get(c->signal, S("type"));
    if (!json_present(type))
        return call_missing("/type", err);
    struct slice text = json_text(type, &c->scratch);
    if (!text.p)
        return call_not_this_type("/type", "a string", err);
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
        return call_not_found(c->id, err);
    if (c->command->needs != NEEDS_NOTHING && conditions_check(c, err) != 0)
        return -1;
    return c->command->run(c, err);
}

enum outcome commands_run(struct store *s, struct json line, struct asker asker, struct buf *out)
{
    struct ditto_error err = {0};
    struct call c = {
        .store = s,
        .line = line,
        .headers = json_get(line, S("headers")),
        .signal = json_get(line, S("signal")),
        .secrets = asker.secrets && json_get(line, S("secrets")).type == JSON_TRUE,
        .supervised = asker.supervised,
        .judged = asker.judged && answer_waits(line),
        .outcome = COMMAND_ANSWERED,
        .id = S(""),
        .out = out,
        .before = out->len,
    };
    if (run(&c, &err) != 0) {
        buf_cut(out, c.before);
        answer_errors(out, line, &err, buf_slice(&c.problems));
    }
    if (!answer_wanted(line))
        buf_cut(out, c.before);
    buf_free(&c.id_text);
    buf_free(&c.scratch);
    buf_free(&c.problems);
    return c.outcome;
}
