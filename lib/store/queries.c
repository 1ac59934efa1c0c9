/* Commands that read. */
#include "base/clock.h"
#include "connection/hono.h"
#include "protocol/selector.h"
#include "store/call.h"
#include "store/history.h"

#include "base/banned.h"

/* --- selected fields ---------------------------------------------------------------------------------------------- */

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

/* What is wanted of a connection: everything if there is no selector. */
static void put_selection(struct buf *dst, const struct call *c, const struct held *h,
                          const struct selector *s)
{
    struct buf shown = {0}, whole = {0};
    if (!s) {
        call_put_document(dst, c, held_doc(h));
        return;
    }
    call_put_document(&shown, c, held_doc(h));
    put_with_hidden(&whole, (struct json){JSON_OBJECT, buf_p(&shown), shown.len}, h);
    selector_apply(dst, s, (struct json){JSON_OBJECT, buf_p(&whole), whole.len}, false);
    buf_wipe(&shown);
    buf_wipe(&whole);
}

/* 1: *s is filled, 0: nothing is selected, -1 with *err */
static int take_selector(struct call *c, struct selector *s, struct ditto_error *err)
{
    struct json selected = json_get(c->signal, S("selectedFields"));
    if (!json_present(selected))
        return 0;
    buf_reset(&c->scratch, 0);
    struct slice text = json_text(selected, &c->scratch);
    if (!text.p)
        return call_not_this_type("/selectedFields", "a string", err);
    return selector_parse(s, text, false, err) == 0 ? 1 : -1;
}

/* --- now and then ------------------------------------------------------------------------------------------------- */

static int take_instant(struct json text, int64_t *ms, struct ditto_error *err)
{
    struct buf scratch = {0};
    int rc = history_instant(json_text(text, &scratch), ms);
    buf_free(&scratch);
    if (rc == 0)
        return 0;
    return ditto_fail(err, 400, "json.invalid", NULL, NULL,
                      "The header 'at-historical-timestamp' is not an ISO 8601 time.");
}

/* 1: *held is of then, with *past; 0: now is wanted; -1 with *err */
static int take_past(const struct call *c, struct state *past, const struct held **held,
                     struct ditto_error *err)
{
    int64_t revision = 0, ms = 0;
    struct json instant = json_get(c->headers, S("at-historical-timestamp"));
    int there = call_header_int(c, S("at-historical-revision"), &revision, err);
    if (there < 0 || (!there && !json_present(instant)))
        return there;
    if (!there && take_instant(instant, &ms, err) != 0)
        return -1;
    /* no connection has revision 0 */
    uint64_t wanted = there ? revision > 0 ? (uint64_t)revision : UINT64_MAX : 0;
    return store_at(c->store, c->id, wanted, ms, past, held, err) == 0 ? 1 : -1;
}

static void answer_connection(struct call *c, const struct held *h, const struct selector *s)
{
    call_open(c, 200, h);
    json_put_key(c->out, S("connection"));
    put_selection(c->out, c, h, s);
    call_close(c);
}

int query_connection(struct call *c, struct ditto_error *err)
{
    struct selector s;
    struct state past;
    const struct held *h = c->held;
    int selects = take_selector(c, &s, err);
    if (selects < 0)
        return -1;
    int back = take_past(c, &past, &h, err);
    if (back >= 0)
        answer_connection(c, h, selects ? &s : NULL);
    if (back > 0)
        state_free(&past);
    if (selects)
        selector_free(&s);
    return back < 0 ? -1 : 0;
}

/* --- several ------------------------------------------------------------------------------------------------------ */

static const struct held *next_there(const struct call *c, const struct held *h)
{
    do
        h = state_next(&c->store->state, h ? h->id : SLICE_NONE);
    while (h && h->deleted);
    return h;
}

int query_connections(struct call *c, struct ditto_error *err)
{
    struct selector s;
    bool ids = json_get(c->signal, S("idsOnly")).type == JSON_TRUE;
    int selects = take_selector(c, &s, err);
    if (selects < 0)
        return -1;
    int rc = 0;
    call_open(c, 200, NULL);
    json_put_key(c->out, S("connections"));
    buf_putc(c->out, '[');
    for (const struct held *h = next_there(c, NULL); h && rc == 0; h = next_there(c, h)) {
        json_put_item(c->out);
        if (ids)
            json_put_text(c->out, h->id);
        else
            put_selection(c->out, c, h, selects ? &s : NULL);
        rc = call_check_size(c, err);
    }
    buf_putc(c->out, ']');
    call_close(c);
    if (selects)
        selector_free(&s);
    return rc;
}

static bool has_tag(const struct held *h, struct slice tag)
{
    struct json_iter it = json_iter(json_get(held_doc(h), S("tags")));
    while (json_next(&it))
        if (json_text_is(it.value, tag))
            return true;
    return false;
}

static int answer_ids(struct call *c, struct slice tag, struct ditto_error *err)
{
    int rc = 0;
    call_open(c, 200, NULL);
    json_put_key(c->out, S("connectionIds"));
    buf_putc(c->out, '[');
    for (const struct held *h = next_there(c, NULL); h && rc == 0; h = next_there(c, h))
        if (!tag.p || has_tag(h, tag)) {
            json_put_item(c->out);
            json_put_text(c->out, h->id);
            rc = call_check_size(c, err);
        }
    buf_putc(c->out, ']');
    call_close(c);
    return rc;
}

int query_ids(struct call *c, struct ditto_error *err)
{
    return answer_ids(c, SLICE_NONE, err);
}

int query_ids_by_tag(struct call *c, struct ditto_error *err)
{
    struct json tag = json_get(c->signal, S("tag"));
    if (!json_present(tag))
        return call_missing("/tag", err);
    buf_reset(&c->scratch, 0);
    struct slice text = json_text(tag, &c->scratch);
    if (!text.p)
        return call_not_this_type("/tag", "a string", err);
    return answer_ids(c, text, err);
}

int query_tags(struct call *c, struct ditto_error *err)
{
    struct json tags = json_get(held_doc(c->held), S("tags"));
    (void)err;
    call_open(c, 200, NULL);
    json_put_member(c->out, S("connectionTags"), tags.type == JSON_ARRAY ? json_slice(tags) : S("[]"));
    call_close(c);
    return 0;
}

/* --- other forms -------------------------------------------------------------------------------------------------- */

int query_resolved(struct call *c, struct ditto_error *err)
{
    struct hono_settings settings = hono_settings_of_environment();
    struct connection connection;
    struct buf doc = {0};
    if (connection_parse(&connection, c->held->doc, err) != 0)
        return -1;
    int rc = connection_put_resolved_hono(&doc, &connection, &settings);
    connection_free(&connection);
    if (rc == 0) {
        call_open(c, 200, c->held);
        json_put_key(c->out, S("connection"));
        call_put_document(c->out, c, (struct json){JSON_OBJECT, buf_p(&doc), doc.len});
        call_close(c);
    }
    buf_wipe(&doc);
    return rc == 0 ? 0 : call_not_found(c->id, err);
}

int query_migration(struct call *c, struct ditto_error *err)
{
    (void)err;
    call_open(c, 200, NULL);
    json_put_member_text(c->out, S("phase"), c->store->stale ? S("in_progress:journal") : S("completed"));
    json_put_member(c->out, S("migrationActive"), c->store->stale ? S("true") : S("false"));
    call_close(c);
    return 0;
}

/* --- what the supervisor knows ------------------------------------------------------------------------------------ */

int query_supervisor(struct call *c, struct ditto_error *err)
{
    if (!c->supervised)
        return ditto_fail(err, 503, "connectivity:connection.unavailable", "Start conn-supervise.", NULL,
                          "Nobody is there who knows about the live state of connection '%.*s'.",
                          SLICE_ARG(c->id));
    c->outcome = COMMAND_FORWARD;
    return 0;
}

int query_tell(struct call *c, struct ditto_error *err)
{
    (void)err;
    c->outcome = COMMAND_TELL;
    return 0;
}
