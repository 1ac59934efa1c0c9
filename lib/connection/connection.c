#include "connection/reader.h"
#include "protocol/ids.h"

#include <errno.h>
#include <stdlib.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/banned.h"

const struct mapping_definition *connection_definition(const struct connection *c, struct slice id)
{
    for (size_t i = 0; i < c->n_definitions; i++) {
        if (slice_eq(c->definitions[i].id, id))
            return &c->definitions[i];
    }
    return NULL;
}

struct slice connection_specific(const struct connection *c, struct slice key)
{
    return pairs_get(&c->specific, key);
}

static void free_source(struct source *s)
{
    free(s->addresses.v);
    free(s->subjects.v);
    free(s->header_mapping.v);
    free(s->payload_mapping.v);
    free(s->enforcement_filters.v);
    free(s->ack_includes.v);
    free(s->declared_acks.v);
    free(s->reply.header_mapping.v);
}

static void free_target(struct target *t)
{
    free(t->topics);
    free(t->subjects.v);
    free(t->header_mapping.v);
    free(t->payload_mapping.v);
}

void connection_free(struct connection *c)
{
    for (size_t i = 0; i < c->n_sources; i++)
        free_source(&c->sources[i]);
    for (size_t i = 0; i < c->n_targets; i++)
        free_target(&c->targets[i]);
    for (size_t i = 0; i < c->n_arena; i++)
        buf_wipe(&c->arena[i]);
    free(c->sources);
    free(c->targets);
    free(c->definitions);
    free(c->specific.v);
    free(c->tags.v);
    free(c->arena);
    buf_wipe(&c->doc);
    *c = (struct connection){0};
}

static void log_problems(const char *path, const struct connection_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        const struct ditto_error *e = &problems->v[i];
        error("cannot read connection '%s': %s: %s (at %s)", path, e->code, e->message,
              e->pointer[0] ? e->pointer : "/");
    }
}

bool connection_id_valid(struct slice id)
{
    struct ditto_error ignored = {0};
    return entity_id_parse(id, ENTITY_CONNECTION, NULL, &ignored) == 0;
}

typedef int examination(struct connection *c, struct slice json, struct connection_problems *p);

static int load(struct connection *c, const char *path, examination *examine)
{
    struct buf text = {0};
    struct connection_problems problems;
    if (io_read_file(path, LINE_MAX_BYTES, &text) < 0) {
        error_sys("cannot read connection '%s'", path);
        buf_wipe(&text);
        return errno == EFBIG ? EXIT_PERMANENT : EXIT_TEMPORARY;
    }
    int rc = examine(c, buf_slice(&text), &problems);
    log_problems(path, &problems);
    connection_problems_free(&problems);
    buf_wipe(&text);
    return rc < 0 ? EXIT_PERMANENT : EXIT_DONE;
}

int connection_load(struct connection *c, const char *path)
{
    return load(c, path, connection_examine);
}

int connection_load_for_mapping(struct connection *c, const char *path)
{
    return load(c, path, connection_examine_for_mapping);
}
