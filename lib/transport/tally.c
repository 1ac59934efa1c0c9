#include "transport/tally.h"

#include "base/banned.h"

enum { FULL_EVERY_MS = 60000 };

/* --- whose it is -------------------------------------------------------------------------------------------------- */

struct meter *tally_of_lane(const struct connection *c, const struct lane *lane)
{
    const struct source *s = &c->sources[lane->source];
    int address = ALL_ADDRESSES;
    for (size_t i = 0; lane->address.p && i < s->addresses.n && address < 0; i++)
        if (slice_eq(s->addresses.v[i], lane->address))
            address = (int)i;
    return report_meter(CATEGORY_SOURCE, lane->source, address);
}

struct meter *tally_of_line(const struct connection *c, int only, const struct line *l)
{
    int64_t n = only;
    struct json target = json_get(l->context, S("target")), reply = json_get(l->context, S("reply"));
    if (!report_wanted())
        return NULL;
    if (json_present(target) || !json_present(reply)) {
        if (json_present(target) && json_int(target, &n) < 0)
            n = -1;
        return n >= 0 && (size_t)n < c->n_targets ? report_meter(CATEGORY_TARGET, (unsigned)n, ALL_ADDRESSES)
                                                  : NULL;
    }
    return json_int(reply, &n) == 0 && n >= 0 && (size_t)n < c->n_sources
               ? report_meter(CATEGORY_RESPONSE, (unsigned)n, ALL_ADDRESSES)
               : NULL;
}

/* --- sources ------------------------------------------------------------------------------------------------------ */

void tally_consumed(struct meter *m, struct slice line)
{
    struct line l;
    struct buf text = {0};
    if (!meter_count(m, MEASURE_CONSUMED, true) || line_skim(line, &l) < 0)
        return;
    struct report_about about = {.correlation_id =
                                     json_text(json_get(l.headers, S("correlation-id")), &text)};
    report_log(m, MEASURE_CONSUMED, true, &about, "Received a message.");
    buf_free(&text);
}

void tally_refused(struct meter *m, const char *reason)
{
    if (meter_count(m, MEASURE_CONSUMED, false))
        report_log(m, MEASURE_CONSUMED, false, NULL, "A message was refused: %s.", reason);
}

void tally_settled(struct meter *m, enum line_class fate)
{
    bool accepted = fate == CLASS_ACCEPT;
    if (!meter_count(m, MEASURE_ACKNOWLEDGED, accepted))
        return;
    report_log(m, MEASURE_ACKNOWLEDGED, accepted, NULL,
               accepted               ? "A message was acknowledged."
               : fate == CLASS_REJECT ? "A message was rejected: it is not delivered again."
                                      : "A message was not accepted: it is to be delivered again.");
}

void tally_full(struct meter *m, msec *told)
{
    msec now = m ? clock_ms() : 0;
    if (!m || (*told && now - *told < FULL_EVERY_MS))
        return;
    *told = now;
    if (meter_count(m, MEASURE_THROTTLED, true))
        report_log(m, MEASURE_THROTTLED, true, NULL,
                   "The window is full: no more messages are taken until earlier ones are acknowledged.");
}

/* --- sinks -------------------------------------------------------------------------------------------------------- */

static void acknowledged(struct meter *m, const struct report_about *about, const struct ditto_error *why)
{
    if (!meter_count(m, MEASURE_ACKNOWLEDGED, !why))
        return;
    if (why)
        report_log(m, MEASURE_ACKNOWLEDGED, false, about, "Answered the acknowledgement request with %d.",
                   why->status);
    else
        report_log(m, MEASURE_ACKNOWLEDGED, true, about, "Answered the acknowledgement request.");
}

void tally_published(struct meter *m, bool label, struct slice correlation_id, const struct ditto_error *why)
{
    struct report_about about = {.correlation_id = correlation_id};
    if (label)
        acknowledged(m, &about, why);
    if (!meter_count(m, MEASURE_PUBLISHED, !why))
        return;
    if (why)
        report_log(m, MEASURE_PUBLISHED, false, &about, "Could not publish a message: %s: %s", why->code,
                   why->message);
    else
        report_log(m, MEASURE_PUBLISHED, true, &about, "Published a message.");
}
