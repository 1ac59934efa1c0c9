/* table_rows.h: the data behind table.h. Private to lib/protocol/table*.c. */
#ifndef PROTOCOL_TABLE_ROWS_H
#define PROTOCOL_TABLE_ROWS_H

#include "protocol/table.h"

#define THINGS      (1U << GROUP_THINGS)
#define POLICIES    (1U << GROUP_POLICIES)
#define CONNECTIONS (1U << GROUP_CONNECTIONS)
#define CH_TWIN     (1U << CHANNEL_TWIN)
#define CH_LIVE     (1U << CHANNEL_LIVE)
#define CH_NONE     (1U << CHANNEL_NONE)
#define BOTH        (CH_TWIN | CH_LIVE)

enum {
    THING_MODIFY,
    THING_MODIFY_RESPONSE,
    THING_QUERY,
    THING_QUERY_RESPONSE,
    RETRIEVE_THINGS,
    RETRIEVE_THINGS_RESPONSE,
    THING_MERGE,
    THING_MERGE_RESPONSE,
    THING_MIGRATE,
    THING_MIGRATE_RESPONSE,
    THING_EVENT,
    THING_MERGED,
    THING_MIGRATED,
    THING_ERROR,
    MESSAGE,
    MESSAGE_RESPONSE,
    ACK,
    ACKS,
    SEARCH,
    SEARCH_EVENT,
    SEARCH_ERROR,
    POLICY_MODIFY,
    POLICY_MODIFY_RESPONSE,
    POLICY_QUERY,
    POLICY_QUERY_RESPONSE,
    CHECK,
    CHECK_RESPONSE,
    POLICY_EVENT,
    POLICY_ERROR,
    POLICY_ANNOUNCEMENT,
    CONNECTION_ANNOUNCEMENT,
    STREAM,
    STREAM_EVENT,
    UNSUPPORTED,
    FAMILIES
};

enum { TABLE_TYPE_SLOTS = 1024 };

extern const struct family table_families[FAMILIES];
extern const struct signal_row table_all_rows[];
extern const unsigned table_n_rows;

#endif
