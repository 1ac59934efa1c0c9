/* topic.c: topic paths. */
#include <stdio.h>

#include "json/json.h"
#include "protocol/topic.h"

#include "base/banned.h"

#define WORD(text)                                                                                           \
    {                                                                                                        \
        text, sizeof text - 1                                                                                \
    }
static const struct slice groups[] = {[GROUP_THINGS] = WORD("things"),
                                      [GROUP_POLICIES] = WORD("policies"),
                                      [GROUP_CONNECTIONS] = WORD("connections"),
                                      {NULL, 0}};
static const struct slice channels[] = {
    [CHANNEL_NONE] = WORD("none"), [CHANNEL_TWIN] = WORD("twin"), [CHANNEL_LIVE] = WORD("live"), {NULL, 0}};
static const struct slice criteria[] = {[CRITERION_COMMANDS] = WORD("commands"),
                                        [CRITERION_EVENTS] = WORD("events"),
                                        [CRITERION_SEARCH] = WORD("search"),
                                        [CRITERION_MESSAGES] = WORD("messages"),
                                        [CRITERION_ERRORS] = WORD("errors"),
                                        [CRITERION_ACKS] = WORD("acks"),
                                        [CRITERION_ANNOUNCEMENTS] = WORD("announcements"),
                                        [CRITERION_STREAMING] = WORD("streaming"),
                                        {NULL, 0}};
static const struct slice action_words[] = {[ACTION_NONE] = WORD(""),
                                            [ACTION_CREATE] = WORD("create"),
                                            [ACTION_RETRIEVE] = WORD("retrieve"),
                                            [ACTION_MODIFY] = WORD("modify"),
                                            [ACTION_MERGE] = WORD("merge"),
                                            [ACTION_DELETE] = WORD("delete"),
                                            [ACTION_MIGRATE] = WORD("migrate"),
                                            [ACTION_CREATED] = WORD("created"),
                                            [ACTION_MODIFIED] = WORD("modified"),
                                            [ACTION_MERGED] = WORD("merged"),
                                            [ACTION_MIGRATED] = WORD("migrated"),
                                            [ACTION_DELETED] = WORD("deleted"),
                                            [ACTION_CHECK_PERMISSIONS] = WORD("checkPermissions"),
                                            [ACTION_SUBSCRIBE] = WORD("subscribe"),
                                            [ACTION_SUBSCRIBE_PERSISTED] =
                                                WORD("subscribeForPersistedEvents"),
                                            [ACTION_CANCEL] = WORD("cancel"),
                                            [ACTION_REQUEST] = WORD("request"),
                                            [ACTION_COMPLETE] = WORD("complete"),
                                            [ACTION_FAILED] = WORD("failed"),
                                            [ACTION_NEXT] = WORD("next"),
                                            [ACTION_ERROR] = WORD("error")};

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
    return groups[g].p;
}

const char *topic_channel_text(enum topic_channel c)
{
    return channels[c].p;
}

const char *topic_criterion_text(enum topic_criterion c)
{
    return criteria[c].p;
}

const char *topic_action_text(enum topic_action a)
{
    return action_words[a].p;
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
static inline bool is_word(struct slice s, struct slice word)
{
    return s.len && s.p[0] == word.p[0] && slice_eq(s, word);
}

static int index_of(const struct slice *words, struct slice word)
{
    for (int i = 0; words[i].p; i++)
        if (is_word(word, words[i]))
            return i;
    return -1;
}

/* The word that is the next segment, which is taken; -1 if it is none. Where splitting has stopped there is a slash first,
 * so nothing fits. */
static int take_word(struct segments *s, const struct slice *words)
{
    for (int i = 0; words[i].p; i++) {
        struct slice word = words[i];
        if (s->rest.len <= word.len + 1 || s->rest.p[0] != word.p[0] || s->rest.p[word.len] != '/' ||
            memcmp(s->rest.p, word.p, word.len) != 0)
            continue;
        s->rest = slice_skip(s->rest, word.len + 1);
        s->last = s->rest.p[0] == '/';
        return i;
    }
    return -1;
}

/* The next segment must be one of words: its index, or -1 with *err. */
static int next_word(struct segments *s, const struct slice *words, struct slice text, const char *part,
                     struct ditto_error *err)
{
    int i = take_word(s, words); /* something follows it, mostly */
    if (i >= 0)
        return i;
    struct slice word = next_segment(s);
    i = word.p ? index_of(words, word) : -1;
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
    buf_put_slice(dst, groups[t->group]);
    if (t->group == GROUP_THINGS && t->channel != CHANNEL_NONE) {
        buf_putc(dst, '/');
        buf_put_slice(dst, channels[t->channel]);
    }
    buf_putc(dst, '/');
    buf_put_slice(dst, criteria[t->criterion]);
    if (t->verb != ACTION_NONE || t->subject.p)
        buf_putc(dst, '/');
    buf_put_slice(dst, action_words[t->verb]);
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
