#include "twin/twin.h"

#include "base/log.h"
#include "json/skim.h"
#include "twin/answer.h"

#include "base/banned.h"

enum { KEEP_BYTES = 256 * 1024, FULL_BYTES = 1024 * 1024 };

void twin_init(struct twin *t)
{
    t->to_signal = adapter_new(ADAPT_TO_SIGNAL);
    t->to_protocol = adapter_new(ADAPT_TO_PROTOCOL);
}

void twin_free(struct twin *t)
{
    struct buf *bufs[] = {&t->signal,  &t->line,  &t->event,    &t->answer, &t->text,
                          &t->context, &t->model, &t->metadata, &t->shown,  &t->readers};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_free(bufs[i]);
    adapter_free(t->to_signal);
    adapter_free(t->to_protocol);
    command_free(&t->command);
}

/* --- what leaves --------------------------------------------------------------------------------------------------------- */

void twin_put_line(struct twin *t, struct buf *out, struct slice id, struct slice members,
                   struct slice context, bool protocol)
{
    struct buf *line = &t->line;
    buf_reset(line, KEEP_BYTES);
    buf_putc(line, '{');
    if (id.p) {
        buf_puts(line, "\"id\":\"");
        buf_put_slice(line, id);
        buf_puts(line, "\",");
    }
    buf_put_slice(line, members);
    if (context.p)
        json_put_member(line, S("context"), context);
    buf_putc(line, '}');
    if (!protocol) {
        buf_put_slice(out, buf_slice(line));
        buf_putc(out, '\n');
    } else if (adapter_take(t->to_protocol, buf_slice(line), out) != ADAPTED) {
        warn("a signal of the twin has no message");
    }
}

/* {"cause":…,"origin":…,"readers":…} */
static struct slice event_context(struct twin *t, struct json payload, struct slice cause)
{
    struct json origin = json_get(payload, S("origin")), readers = json_get(payload, S("readers"));
    buf_reset(&t->context, KEEP_BYTES);
    buf_putc(&t->context, '{');
    if (cause.p) {
        buf_puts(&t->context, "\"cause\":\"");
        buf_put_slice(&t->context, cause);
        buf_putc(&t->context, '"');
    }
    if (origin.type == JSON_STRING)
        json_put_member(&t->context, S("origin"), json_slice(origin));
    if (readers.type == JSON_ARRAY)
        json_put_member(&t->context, S("readers"), json_slice(readers));
    buf_putc(&t->context, '}');
    return t->context.len > 2 ? buf_slice(&t->context) : SLICE_NONE;
}

/* The inside of an object. */
static struct slice members_of(struct json v)
{
    return slice_of(v.p + 1, v.len - 2);
}

void twin_put_event(struct twin *t, struct buf *out, uint64_t position, struct json payload,
                    struct slice cause)
{
    char id[PENDING_ID_SIZE];
    struct json event = json_get(payload, S("event"));
    if (event.type != JSON_OBJECT)
        return;
    journal_give_id(&t->journal, position, id);
    twin_put_line(t, out, *id ? slice_str(id) : SLICE_NONE, members_of(event),
                  event_context(t, payload, cause), json_get(payload, S("protocol")).type == JSON_TRUE);
    t->stats.events++;
}

struct putting {
    struct twin *t;
    struct buf *out;
    void (*full)(struct buf *out);
};

static void put_unpublished(void *arg, uint64_t position, struct slice payload)
{
    struct putting *p = arg;
    struct json v;
    if (json_parse(payload, &v, NULL) < 0)
        return;
    twin_put_event(p->t, p->out, position, v, SLICE_NONE);
    if (p->out->len > FULL_BYTES)
        p->full(p->out);
}

int twin_put_unpublished(struct twin *t, struct buf *out, void (*full)(struct buf *out))
{
    struct putting p = {t, out, full};
    return journal_unpublished(&t->journal, put_unpublished, &p);
}

/* --- what comes ---------------------------------------------------------------------------------------------------------- */

static void pass(struct twin *t, struct slice raw, struct buf *out)
{
    t->stats.passed++;
    buf_put_slice(out, raw);
    buf_putc(out, '\n');
}

/* Commands to twins and on policies, known ones or not. */
static bool is_for_us(const struct line *l)
{
    struct buf text = {0};
    struct slice rest = skim_text(l->topic, &text);
    bool ours = false;
    slice_cut(&rest, '/');
    slice_cut(&rest, '/');
    if (!json_present(l->status) && rest.p)
        ours = slice_starts(rest, S("things/twin/commands/")) || slice_starts(rest, S("policies/commands/"));
    buf_free(&text);
    return ours;
}

/* What the adapter said, an error message without id and perhaps a settlement, becomes an answer. */
static void put_refusal(struct twin *t, struct slice said, struct slice id, bool protocol, struct buf *out)
{
    struct slice message = slice_cut(&said, '\n');
    struct buf line = {0};
    struct json v;
    t->stats.refused++;
    if (json_parse(message, &v, NULL) < 0)
        bug("the adapter gave no JSON");
    buf_putc(&line, '{');
    if (id.p) {
        buf_puts(&line, "\"id\":\"");
        buf_put_slice(&line, id);
        buf_puts(&line, "\",");
    }
    buf_put_slice(&line, slice_skip(message, 1));
    if (protocol)
        json_put_with(out, (struct json){JSON_OBJECT, buf_p(&line), line.len}, S("context"), SLICE_NONE);
    else
        adapter_take(t->to_signal, buf_slice(&line), out);
    if (protocol)
        buf_putc(out, '\n');
    buf_free(&line);
}

/* Commands that have a message, but no twin that knows them. */
static void refuse_unsupported(struct command *c, struct ditto_error *err)
{
    bool thing = c->plan != NULL;
    c->plan = plan_of(thing ? S("things.commands:retrieveThings") : S("policies.commands:retrievePolicy"));
    buf_reset(&c->texts[0], KEEP_BYTES);
    c->id = json_text(command_member(c, "thingId"), &c->texts[0]);
    c->subjects.type = JSON_ABSENT;
    ditto_fail(err, 400, "signal.unsupported", "Ask a service that knows it.", NULL,
               thing ? "Twins do not migrate to another definition." : "Twins do not check permissions.");
}

/* Reads t->signal, a line, into t->command. */
static void take_command(struct twin *t, bool protocol, struct buf *out)
{
    struct command *c = &t->command;
    struct ditto_error err = {0};
    struct json_error why;
    struct slice raw = buf_slice(&t->signal);
    if (raw.len && raw.p[raw.len - 1] == '\n')
        raw.len--;
    memset(&c->inside.notes, 0, sizeof c->inside.notes);
    if (line_read_deep(raw, &c->line, &c->inside, &why) < 0)
        bug("the adapter gave no JSON");
    c->protocol = protocol;
    struct buf type = {0};
    c->plan = plan_of(json_text(command_member(c, "type"), &type));
    buf_free(&type);
    t->stats.commands++;
    if (!c->plan || c->plan->deed == DEED_MIGRATE) {
        refuse_unsupported(c, &err);
    } else if (command_read(c, &err) == 0) {
        twin_execute(t, out);
        return;
    }
    t->stats.refused++;
    buf_reset(&t->answer, KEEP_BYTES);
    answer_put_error(&t->answer, c, &err);
    twin_put_line(t, out, c->line.id, buf_slice(&t->answer), SLICE_NONE, protocol);
}

static void take_message(struct twin *t, struct slice raw, const struct line *l, struct buf *out)
{
    buf_reset(&t->signal, KEEP_BYTES);
    if (adapter_take(t->to_signal, raw, &t->signal) == ADAPTED)
        take_command(t, true, out);
    else
        put_refusal(t, buf_slice(&t->signal), l->id, true, out);
}

/* A signal that comes as one is judged as the message that it would be, but keeps its own headers and keys. */
static bool judge_signal(struct twin *t, struct slice raw, struct slice id, struct buf *out)
{
    struct buf there = {0}, back = {0};
    bool good = adapter_take(t->to_protocol, raw, &there) == ADAPTED;
    if (!good)
        put_refusal(t, buf_slice(&there), id, false, out);
    there.len -= there.len > 0;
    if (good && !(good = adapter_take(t->to_signal, buf_slice(&there), &back) == ADAPTED))
        put_refusal(t, buf_slice(&back), id, false, out);
    buf_free(&there);
    buf_free(&back);
    return good;
}

static void take_signal(struct twin *t, struct slice raw, struct buf *out)
{
    struct line l;
    struct buf type = {0};
    struct json_error why;
    bool ours = false;
    if (line_read(raw, &l, &why) == 0) {
        struct slice name = json_text(json_get(l.signal, S("type")), &type);
        ours = plan_of(name) || slice_eq(name, S("policies.commands:checkPermissions"));
    }
    bool live = ours && (json_text_is(l.channel, S("live")) ||
                         json_text_is(json_get(l.headers, S("channel")), S("live")));
    buf_free(&type);
    if (!ours || live) {
        pass(t, raw, out);
        return;
    }
    if (!judge_signal(t, raw, l.id, out))
        return;
    buf_reset(&t->signal, KEEP_BYTES);
    buf_put_slice(&t->signal, raw);
    take_command(t, false, out);
}

/* A settlement is short: it is read in full only if it is one of ours. */
static bool take_settlement(struct twin *t, const struct line *skimmed)
{
    struct line l;
    struct json_error why;
    return skimmed->id.p && pending_owns(&t->journal.events, skimmed->id) &&
           line_read(skimmed->raw, &l, &why) == 0 && journal_settle(&t->journal, &l);
}

void twin_take(struct twin *t, struct slice raw, struct buf *out)
{
    struct line l;
    if (line_skim(raw, &l) < 0) {
        pass(t, raw, out);
        return;
    }
    if (l.kind == LINE_DITTO && is_for_us(&l))
        take_message(t, raw, &l, out);
    else if (l.kind == LINE_SIGNAL)
        take_signal(t, raw, out);
    else if (!(l.kind == LINE_SETTLEMENT || l.kind == LINE_PARTS) || !take_settlement(t, &l))
        pass(t, raw, out);
}

void twin_take_long(struct twin *t, struct slice head, struct buf *out)
{
    buf_reset(&t->signal, KEEP_BYTES);
    adapter_refuse_long(t->to_signal, head, &t->signal);
    buf_put_slice(out, buf_slice(&t->signal));
    t->stats.refused++;
}
