/* target_topic.c: what a target subscribes. */
#include "protocol/topic.h"

#include "base/banned.h"

struct stream_name {
    const char *name;
    bool namespaces, filter; /* parameters it knows; filter stands for extraFields too */
};

static const struct stream_name streams[STREAM_NONE] = {
    [STREAM_TWIN_EVENTS] = {"_/_/things/twin/events", true, true},
    [STREAM_LIVE_EVENTS] = {"_/_/things/live/events", true, true},
    [STREAM_LIVE_COMMANDS] = {"_/_/things/live/commands", true, true},
    [STREAM_MESSAGES] = {"_/_/things/live/messages", true, true},
    [STREAM_POLICY_ANNOUNCEMENTS] = {"_/_/policies/announcements", true, false},
    [STREAM_CONNECTION_ANNOUNCEMENTS] = {"_/_/connections/announcements", false, false},
};

static int fail(struct ditto_error *err, struct slice text, const char *why)
{
    return ditto_fail(err, 400, "connectivity:topic.invalid", why, NULL,
                      "The target topic '%.*s' is invalid.", SLICE_ARG(text));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next byte of a form-URL-encoded text, cut off its front; -1 at the end or at a bad escape. */
static int next_byte(struct slice *s)
{
    if (s->len == 0)
        return -1;
    char c = s->p[0];
    if (c == '%') {
        int high = s->len > 2 ? hex_digit(s->p[1]) : -1, low = s->len > 2 ? hex_digit(s->p[2]) : -1;
        if (high < 0 || low < 0)
            return -1;
        *s = slice_skip(*s, 3);
        return high << 4 | low;
    }
    *s = slice_skip(*s, 1);
    return c == '+' ? ' ' : (unsigned char)c;
}

static bool escapes_valid(struct slice value)
{
    while (next_byte(&value) >= 0)
        ;
    return value.len == 0;
}

/* Does another parameter of this name stand in the rest of the query? */
static bool given_again(struct slice query, struct slice name)
{
    while (query.len) {
        struct slice param = slice_cut(&query, '&');
        if (memchr(param.p, '=', param.len) && slice_eq(slice_cut(&param, '='), name))
            return true;
    }
    return false;
}

static struct slice *place_of(struct target_topic *t, struct slice name)
{
    const struct stream_name *known = &streams[t->stream];
    if (known->namespaces && slice_eq(name, S("namespaces")))
        return &t->namespaces;
    if (known->filter && slice_eq(name, S("filter")))
        return &t->filter;
    if (known->filter && slice_eq(name, S("extraFields")))
        return &t->extra_fields;
    return NULL;
}

static int parse_query(struct slice query, struct slice text, struct target_topic *t, struct ditto_error *err)
{
    while (query.len) {
        struct slice value = slice_cut(&query, '&');
        struct slice name = slice_cut(&value, '=');
        if (!value.p)
            continue;
        if (given_again(query, name))
            return fail(err, text, "A parameter is given twice.");
        if (!escapes_valid(value))
            return fail(err, text, "A '%' must be followed by two hexadecimal digits.");
        struct slice *place = place_of(t, name);
        if (place && (value.len || place == &t->filter))
            *place = value;
    }
    return 0;
}

int target_topic_parse(struct slice text, struct target_topic *out, struct ditto_error *err)
{
    struct slice query = text;
    struct slice name = slice_cut(&query, '?');
    struct target_topic t = {0};
    for (t.stream = 0; t.stream < STREAM_NONE; t.stream++)
        if (slice_eq(name, slice_str(streams[t.stream].name)))
            break;
    if (t.stream == STREAM_NONE)
        return fail(err, text, "There is no such stream to subscribe.");
    /* connection announcements have no parameters at all: Ditto does not even look */
    if (streams[t.stream].namespaces && parse_query(query, text, &t, err) < 0)
        return -1;
    *out = t;
    return 0;
}

static enum stream stream_of_thing(const struct topic *t)
{
    if (t->criterion == CRITERION_EVENTS && t->channel == CHANNEL_TWIN)
        return STREAM_TWIN_EVENTS;
    if (t->channel != CHANNEL_LIVE)
        return STREAM_NONE;
    switch (t->criterion) {
    case CRITERION_EVENTS: return STREAM_LIVE_EVENTS;
    case CRITERION_COMMANDS: return STREAM_LIVE_COMMANDS;
    case CRITERION_MESSAGES: return STREAM_MESSAGES;
    default: return STREAM_NONE;
    }
}

enum stream topic_stream(const struct topic *t)
{
    if (t->group == GROUP_THINGS)
        return stream_of_thing(t);
    if (t->criterion != CRITERION_ANNOUNCEMENTS)
        return STREAM_NONE;
    return t->group == GROUP_POLICIES ? STREAM_POLICY_ANNOUNCEMENTS : STREAM_CONNECTION_ANNOUNCEMENTS;
}

/* Cuts the first name off an encoded list: is it this one? */
static bool next_name_is(struct slice *list, struct slice name)
{
    bool same = name.len > 0; /* a topic may lack a namespace, a list cannot name that */
    for (int c; (c = next_byte(list)) >= 0 && c != ',';) {
        same = same && name.len && (unsigned char)name.p[0] == c;
        name = slice_skip(name, 1);
    }
    return same && name.len == 0;
}

/* The same of a list without escapes. */
static bool plain_name_is(struct slice *list, struct slice name)
{
    struct slice first = slice_cut(list, ',');
    return name.len && slice_eq(first, name);
}

bool target_topic_matches(const struct target_topic *tt, const struct topic *t)
{
    if (tt->stream != topic_stream(t))
        return false;
    struct slice list = tt->namespaces;
    if (list.len == 0)
        return true;
    bool plain = !memchr(list.p, '%', list.len) && !memchr(list.p, '+', list.len);
    while (list.len)
        if (plain ? plain_name_is(&list, t->namespace) : next_name_is(&list, t->namespace))
            return true;
    return false;
}
