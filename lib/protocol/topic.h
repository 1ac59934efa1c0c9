/* topic.h: topic paths of the Ditto Protocol ("Protocol specification: topic").
 *
 *   namespace/name/group/[channel/]criterion[/action or subject…]
 *
 * Parsing follows Ditto: split at '/', a trailing '/' dropped, channel only for things, the subject keeps its slashes,
 * namespace and name are not validated here. Every part borrows the text; an absent part is SLICE_NONE.
 * At the first "//" splitting stops: the rest, from its second slash on, is one last segment. An empty namespace is
 * legal, an empty subject is none; what follows an action, or "errors", is ignored. */
#ifndef PROTOCOL_TOPIC_H
#define PROTOCOL_TOPIC_H

#include "protocol/error.h"

enum topic_group { GROUP_THINGS, GROUP_POLICIES, GROUP_CONNECTIONS };
enum topic_channel { CHANNEL_NONE, CHANNEL_TWIN, CHANNEL_LIVE };
enum topic_criterion {
    CRITERION_COMMANDS,
    CRITERION_EVENTS,
    CRITERION_SEARCH,
    CRITERION_MESSAGES,
    CRITERION_ERRORS,
    CRITERION_ACKS,
    CRITERION_ANNOUNCEMENTS,
    CRITERION_STREAMING
};

/* Every word that commands, events, search and streaming know; each criterion knows some. */
enum topic_action {
    ACTION_NONE,
    ACTION_CREATE,
    ACTION_RETRIEVE,
    ACTION_MODIFY,
    ACTION_MERGE,
    ACTION_DELETE,
    ACTION_MIGRATE,
    ACTION_CREATED,
    ACTION_MODIFIED,
    ACTION_MERGED,
    ACTION_MIGRATED,
    ACTION_DELETED,
    ACTION_CHECK_PERMISSIONS,
    ACTION_SUBSCRIBE,
    ACTION_SUBSCRIBE_PERSISTED,
    ACTION_CANCEL,
    ACTION_REQUEST,
    ACTION_COMPLETE,
    ACTION_FAILED,
    ACTION_NEXT,
    ACTION_ERROR
};

struct topic {
    struct slice full;
    struct slice namespace, name;
    enum topic_group group;
    enum topic_channel channel; /* things may say "none"; others have no channel */
    enum topic_criterion criterion;
    struct slice action;    /* commands, events, search, streaming */
    enum topic_action verb; /* the same; ACTION_NONE without one */
    struct slice subject;   /* messages, acks, announcements */
};

/* 0, or -1 with protocoladapter:unknown.topicpath (400) in *err. */
int topic_parse(struct slice text, struct topic *out, struct ditto_error *err);
/* Appends the topic as Ditto prints it: policies, connections and "none" without a channel, nothing behind an action. full
 * and action are not looked at. */
void topic_put(struct buf *dst, const struct topic *t);
/* The same as the inside of a JSON string. */
void topic_put_escaped(struct buf *dst, const struct topic *t);
const char *topic_group_text(enum topic_group g);
const char *topic_channel_text(enum topic_channel c);
const char *topic_criterion_text(enum topic_criterion c);
/* "" for ACTION_NONE */
const char *topic_action_text(enum topic_action a);

/* What a target subscribes: "_/_/things/live/messages?namespaces=a,b&filter=…&extraFields=…". */
enum stream {
    STREAM_TWIN_EVENTS,
    STREAM_LIVE_EVENTS,
    STREAM_LIVE_COMMANDS,
    STREAM_MESSAGES,
    STREAM_POLICY_ANNOUNCEMENTS,
    STREAM_CONNECTION_ANNOUNCEMENTS,
    STREAM_NONE
};
struct target_topic {
    enum stream stream;
    struct slice namespaces;   /* comma list as written (URL-encoded), SLICE_NONE for all */
    struct slice filter;       /* RQL as written (URL-encoded), SLICE_NONE; not checked */
    struct slice extra_fields; /* as written (URL-encoded), SLICE_NONE; not checked */
};
/* 0, or -1 with connectivity:topic.invalid (400): an unknown name, a parameter given twice, a bad %-escape. Parameters
 * that are unknown, or that the stream does not know (announcements have namespaces at most), and such without '=' are
 * ignored; empty namespaces or extraFields count as absent. */
int target_topic_parse(struct slice text, struct target_topic *out, struct ditto_error *err);
/* Which stream does a message with this topic belong to? STREAM_NONE for commands to twins, errors, acks, responses. */
enum stream topic_stream(const struct topic *t);
/* Stream and namespace match (the filter is not looked at). namespaces is decoded for it: + is a blank, %2C a comma. */
bool target_topic_matches(const struct target_topic *tt, const struct topic *t);

#endif
