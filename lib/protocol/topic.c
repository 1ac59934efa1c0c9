/* topic.c: topic paths. */
#include <stdio.h>

#include "json/json.h"
#include "protocol/topic.h"

#include "base/banned.h"

static const char *const groups[] = {
    [GROUP_THINGS] = "things", [GROUP_POLICIES] = "policies", [GROUP_CONNECTIONS] = "connections", NULL};
static const char *const channels[] = {
    [CHANNEL_NONE] = "none", [CHANNEL_TWIN] = "twin", [CHANNEL_LIVE] = "live", NULL};
static const char *const criteria[] = {[CRITERION_COMMANDS] = "commands",
                                       [CRITERION_EVENTS] = "events",
                                       [CRITERION_SEARCH] = "search",
                                       [CRITERION_MESSAGES] = "messages",
                                       [CRITERION_ERRORS] = "errors",
                                       [CRITERION_ACKS] = "acks",
                                       [CRITERION_ANNOUNCEMENTS] = "announcements",
                                       [CRITERION_STREAMING] = "streaming",
                                       NULL};
static const char *const action_words[] = {[ACTION_NONE] = "",
                                           [ACTION_CREATE] = "create",
                                           [ACTION_RETRIEVE] = "retrieve",
                                           [ACTION_MODIFY] = "modify",
                                           [ACTION_MERGE] = "merge",
                                           [ACTION_DELETE] = "delete",
                                           [ACTION_MIGRATE] = "migrate",
                                           [ACTION_CREATED] = "created",
                                           [ACTION_MODIFIED] = "modified",
                                           [ACTION_MERGED] = "merged",
                                           [ACTION_MIGRATED] = "migrated",
                                           [ACTION_DELETED] = "deleted",
                                           [ACTION_CHECK_PERMISSIONS] = "checkPermissions",
                                           [ACTION_SUBSCRIBE] = "subscribe",
                                           [ACTION_SUBSCRIBE_PERSISTED] = "subscribeForPersistedEvents",
                                           [ACTION_CANCEL] = "cancel",
                                           [ACTION_REQUEST] = "request",
                                           [ACTION_COMPLETE] = "complete",
                                           [ACTION_FAILED] = "failed",
                                           [ACTION_NEXT] = "next",
                                           [ACTION_ERROR] = "error"};

/* What a criterion's third part is called, and which words it may be. Those of search are also those of streaming, but
 * for the subscribing one. */
#define ACTION_BIT(a) (1U << ACTION_##a)
#define SUBSCRIPTION                                                                                         \
    (ACTION_BIT(CANCEL) | ACTION_BIT(REQUEST) | ACTION_BIT(COMPLETE) | ACTION_BIT(CREATED) |                 \
     ACTION_BIT(FAILED) | ACTION_BIT(NEXT) | ACTION_BIT(ERROR))
#define PLAIN_ACTIONS (ACTION_BIT(SUBSCRIBE) - 2U) /* all before it but ACTION_NONE */
static const struct {
    const char *name;
    unsigned words; /* bits; 0: no action */
} actions_of[CRITERION_STREAMING + 1] = {
    [CRITERION_COMMANDS] = {"action", PLAIN_ACTIONS},
    [CRITERION_EVENTS] = {"action", PLAIN_ACTIONS},
    [CRITERION_SEARCH] = {"search action", ACTION_BIT(SUBSCRIBE) | SUBSCRIPTION},
    [CRITERION_STREAMING] = {"streaming action", ACTION_BIT(SUBSCRIBE_PERSISTED) | SUBSCRIPTION},
};

const char *topic_group_text(enum topic_group g)
{
    return groups[g];
}

const char *topic_channel_text(enum topic_channel c)
{
    return channels[c];
}

const char *topic_criterion_text(enum topic_criterion c)
{
    return criteria[c];
}

const char *topic_action_text(enum topic_action a)
{
    return action_words[a];
}

/* What is left of a text that is split at '/'. */
struct segments {
    struct slice rest; /* SLICE_NONE at the end */
    bool last;         /* rest is one segment, whatever is in it */
};

/* Ditto's splitter: one '/' at the end is dropped, and at the first "//" splitting stops: the second slash begins the
 * last segment. SLICE_NONE at the end. */
static struct slice next_segment(struct segments *s)
{
    struct slice segment = s->rest;
    if (s->last)
        s->rest = SLICE_NONE;
    else
        segment = slice_cut(&s->rest, '/');
    if (s->rest.len == 0)
        s->rest = SLICE_NONE;
    s->last = s->rest.len && s->rest.p[0] == '/';
    return segment;
}

/* All that is left, without the '/' at the end. */
static struct slice remaining(struct segments *s)
{
    struct slice all = s->rest, segment = SLICE_NONE;
    while (s->rest.p)
        segment = next_segment(s);
    if (segment.len == 0)
        return SLICE_NONE;
    return slice_of(all.p, (size_t)(segment.p + segment.len - all.p));
}

static int fail(struct ditto_error *err, struct slice text, const char *part, struct slice word)
{
    char why[200];
    if (word.p)
        snprintf(why, sizeof why, "'%.*s' is no %s.", (int)(word.len < 100 ? word.len : 100), word.p, part);
    else
        snprintf(why, sizeof why, "It ends where a %s is expected.", part);
    return ditto_fail(err, 400, "protocoladapter:unknown.topicpath", why, "/topic",
                      "The topic path '%.*s' is unknown.", SLICE_ARG(text));
}

/* Most words differ in their first letter. */
static inline bool is_word(struct slice s, const char *word)
{
    return s.len && s.p[0] == word[0] && slice_eq(s, slice_str(word));
}

static int index_of(const char *const *words, struct slice word)
{
    for (int i = 0; words[i]; i++)
        if (is_word(word, words[i]))
            return i;
    return -1;
}

/* The next segment must be one of words: its index, or -1 with *err. */
static int next_word(struct segments *s, const char *const *words, struct slice text, const char *part,
                     struct ditto_error *err)
{
    struct slice word = next_segment(s);
    int i = word.p ? index_of(words, word) : -1;
    return i < 0 ? fail(err, text, part, word) : i;
}

static enum topic_action action_of(struct slice word, unsigned allowed)
{
    for (unsigned a = ACTION_CREATE; a <= ACTION_ERROR; a++)
        if (allowed >> a & 1 && is_word(word, action_words[a]))
            return (enum topic_action)a;
    return ACTION_NONE;
}

/* What follows the criterion. */
static int parse_rest(struct segments *s, struct topic *t, struct ditto_error *err)
{
    if (actions_of[t->criterion].words) {
        t->action = next_segment(s);
        t->verb = t->action.p ? action_of(t->action, actions_of[t->criterion].words) : ACTION_NONE;
        if (t->verb == ACTION_NONE)
            return fail(err, t->full, actions_of[t->criterion].name, t->action);
    } else if (t->criterion != CRITERION_ERRORS) {
        t->subject = remaining(s);
    }
    return 0;
}

int topic_parse(struct slice text, struct topic *out, struct ditto_error *err)
{
    struct segments s = {.rest = text};
    struct topic t = {.full = text, .channel = CHANNEL_NONE};
    int i;
    t.namespace = next_segment(&s);
    if (!t.namespace.p)
        return fail(err, text, "namespace", SLICE_NONE);
    t.name = next_segment(&s);
    if (!t.name.p)
        return fail(err, text, "entity name", SLICE_NONE);
    if ((i = next_word(&s, groups, text, "group", err)) < 0)
        return -1;
    t.group = (enum topic_group)i;
    if (t.group == GROUP_THINGS) {
        if ((i = next_word(&s, channels, text, "channel", err)) < 0)
            return -1;
        t.channel = (enum topic_channel)i;
    }
    if ((i = next_word(&s, criteria, text, "criterion", err)) < 0)
        return -1;
    t.criterion = (enum topic_criterion)i;
    if (parse_rest(&s, &t, err) < 0)
        return -1;
    *out = t;
    return 0;
}

static void put_topic(struct buf *dst, const struct topic *t, void (*put)(struct buf *dst, struct slice text))
{
    put(dst, t->namespace);
    buf_putc(dst, '/');
    put(dst, t->name);
    buf_putc(dst, '/');
    buf_puts(dst, groups[t->group]);
    if (t->group == GROUP_THINGS && t->channel != CHANNEL_NONE) {
        buf_putc(dst, '/');
        buf_puts(dst, channels[t->channel]);
    }
    buf_putc(dst, '/');
    buf_puts(dst, criteria[t->criterion]);
    if (t->verb != ACTION_NONE || t->subject.p)
        buf_putc(dst, '/');
    buf_puts(dst, action_words[t->verb]);
    put(dst, t->subject);
}

void topic_put(struct buf *dst, const struct topic *t)
{
    put_topic(dst, t, buf_put_slice);
}

void topic_put_escaped(struct buf *dst, const struct topic *t)
{
    put_topic(dst, t, json_put_escaped);
}
