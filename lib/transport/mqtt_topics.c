#include "transport/mqtt_topics.h"

#include <mqtt_protocol.h>
#include <stdlib.h>

#include "base/banned.h"

static struct mqtt_topic *of_filter(struct mqtt_topics *t, struct slice filter)
{
    for (size_t i = 0; i < t->n; i++)
        if (slice_eq(slice_str(t->v[i].filter), filter))
            return &t->v[i];
    t->v = xrealloc_array(t->v, t->n + 1, sizeof *t->v);
    t->v[t->n] = (struct mqtt_topic){.filter = xstrndup(filter.p, filter.len),
                                     .lanes = xcalloc(t->n_lanes, sizeof(bool))};
    return &t->v[t->n++];
}

static void add(struct mqtt_topics *t, size_t lane, const struct source *s, bool presettled)
{
    int qos = s->qos > 0 && !presettled;
    for (size_t i = 0; i < s->addresses.n; i++) {
        struct mqtt_topic *topic = of_filter(t, s->addresses.v[i]);
        topic->lanes[lane] = true;
        topic->qos = topic->qos > qos ? topic->qos : qos;
    }
}

void mqtt_topics_make(struct mqtt_topics *t, const struct channel_config *cfg)
{
    *t = (struct mqtt_topics){.n_lanes = cfg->n_lanes};
    for (size_t i = 0; i < cfg->n_lanes; i++)
        add(t, i, &cfg->connection->sources[cfg->lanes[i].source], cfg->presettled);
}

void mqtt_topics_free(struct mqtt_topics *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->v[i].filter);
        free(t->v[i].lanes);
    }
    free(t->v);
    *t = (struct mqtt_topics){0};
}

/* --- whose a message is ------------------------------------------------------------------------------------------ */

static bool want(const struct mqtt_topics *t, const struct mqtt_topic *topic, bool *wanted)
{
    for (size_t i = 0; i < t->n_lanes; i++)
        wanted[i] = wanted[i] || topic->lanes[i];
    return true;
}

/* What a shared subscription is for stands behind "$share/<group>/". */
static const char *filter_of(const struct mqtt_topic *topic)
{
    struct slice rest = slice_str(topic->filter);
    if (!slice_starts(rest, S("$share/")))
        return topic->filter;
    rest = slice_skip(rest, 7);
    (void)slice_cut(&rest, '/');
    return rest.p ? rest.p : topic->filter;
}

static bool by_filter(const struct mqtt_topics *t, const char *topic, bool *wanted)
{
    bool any = false, matches;
    for (size_t i = 0; i < t->n; i++) {
        if (mosquitto_topic_matches_sub(filter_of(&t->v[i]), topic, &matches) == MOSQ_ERR_SUCCESS && matches)
            any = want(t, &t->v[i], wanted);
    }
    return any;
}

/* An identifier of an earlier life of the session may name another filter now. */
static bool by_identifier(const struct mqtt_topics *t, const char *topic, uint32_t id, bool *wanted)
{
    bool matches;
    return id >= 1 && id <= t->n &&
           mosquitto_topic_matches_sub(filter_of(&t->v[id - 1]), topic, &matches) == MOSQ_ERR_SUCCESS &&
           matches && want(t, &t->v[id - 1], wanted);
}

bool mqtt_topics_match(const struct mqtt_topics *t, const char *topic, const mosquitto_property *properties,
                       bool *wanted)
{
    uint32_t id;
    bool any = false;
    memset(wanted, 0, t->n_lanes * sizeof *wanted);
    for (bool skip = false; properties && (properties = mosquitto_property_read_varint(
                                               properties, MQTT_PROP_SUBSCRIPTION_IDENTIFIER, &id, skip));
         skip = true)
        any = by_identifier(t, topic, id, wanted) || any;
    return any || by_filter(t, topic, wanted);
}
