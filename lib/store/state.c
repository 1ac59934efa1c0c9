#include "store/state.h"

#include <stdlib.h>

#include "connection/edit.h"
#include "store/event.h"

#include "base/banned.h"

static void held_free(struct held *h)
{
    if (!h)
        return;
    if (h->doc.p)
        explicit_bzero((char *)h->doc.p, h->doc.len);
    free((char *)h->doc.p);
    free((char *)h->id.p);
    free(h);
}

void state_free(struct state *s)
{
    state_keep(s);
    for (size_t i = 0; i < s->n; i++)
        held_free(s->v[i]);
    free(s->v);
    free(s->changes);
    *s = (struct state){0};
}

static size_t place_of(const struct state *s, struct slice id)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (slice_cmp(s->v[mid]->id, id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool stands_at(const struct state *s, size_t i, struct slice id)
{
    return i < s->n && slice_eq(s->v[i]->id, id);
}

const struct held *state_find(const struct state *s, struct slice id)
{
    size_t i = place_of(s, id);
    return stands_at(s, i, id) ? s->v[i] : NULL;
}

const struct held *state_next(const struct state *s, struct slice after)
{
    size_t i = after.p ? place_of(s, after) : 0;
    if (after.p && stands_at(s, i, after))
        i++;
    return i < s->n ? s->v[i] : NULL;
}

struct json held_doc(const struct held *h)
{
    return h->doc.p ? (struct json){JSON_OBJECT, h->doc.p, h->doc.len} : (struct json){JSON_ABSENT, NULL, 0};
}

bool held_open(const struct held *h)
{
    return !h->deleted && json_text_is(json_get(held_doc(h), S("connectionStatus")), S("open"));
}

/* --- records ---------------------------------------------------------------------------------------------------- */

static struct slice with_status(struct json doc, bool open)
{
    struct buf b = {0};
    connection_edit_status(&b, doc, open);
    struct slice copy = slice_dup(buf_slice(&b));
    buf_wipe(&b);
    return copy;
}

/* Whatever a record says: a document is an object, or there is none. */
static struct slice document_in(struct json event)
{
    struct json doc = json_get(event, S("connection"));
    return doc.type == JSON_OBJECT ? slice_dup(json_slice(doc)) : SLICE_NONE;
}

static void become(struct held *h, const struct record *r, struct json event)
{
    h->doc = document_in(event);
    h->deleted = false;
    h->entity_revision = r->revision;
    h->modified = r->time;
}

static void take_event(struct held *h, const struct held *before, const struct record *r)
{
    struct json event = event_of(r), doc = before ? held_doc(before) : (struct json){JSON_ABSENT, NULL, 0};
    switch (event_type_of(event)) {
    case EVENT_CREATED:
        become(h, r, event);
        h->created = r->time;
        break;
    case EVENT_MODIFIED: become(h, r, event); break;
    case EVENT_OPENED: h->doc = with_status(doc, true); break;
    case EVENT_CLOSED: h->doc = with_status(doc, false); break;
    case EVENT_DELETED:
        h->deleted = true;
        h->modified = r->time;
        break;
    case EVENT_UNKNOWN: h->doc = doc.p ? slice_dup(json_slice(doc)) : SLICE_NONE; break;
    }
}

void held_put_snapshot(struct buf *dst, const struct held *h, const char *seal)
{
    buf_putc(dst, '{');
    json_put_member_text(dst, S("seal"), slice_str(seal));
    json_put_member_int(dst, S("entityRevision"), (int64_t)h->entity_revision);
    json_put_member_int(dst, S("created"), h->created);
    json_put_member_int(dst, S("modified"), h->modified);
    json_put_member_int(dst, S("time"), h->time);
    if (h->doc.p && !h->deleted)
        json_put_member(dst, S("connection"), h->doc);
    buf_putc(dst, '}');
}

static int64_t number(struct json object, struct slice name)
{
    int64_t n = 0;
    (void)json_int(json_get(object, name), &n);
    return n;
}

static void take_snapshot(struct held *h, const struct record *r)
{
    struct json snapshot = event_of(r);
    h->entity_revision = (uint64_t)number(snapshot, S("entityRevision"));
    h->created = number(snapshot, S("created"));
    h->modified = number(snapshot, S("modified"));
    h->time = number(snapshot, S("time"));
    h->doc = document_in(snapshot);
    h->deleted = !h->doc.p;
}

/* --- changes ---------------------------------------------------------------------------------------------------- */

static void remember(struct state *s, struct held *before, struct held *after)
{
    if (s->n_changes == s->cap_changes) {
        s->cap_changes = s->cap_changes ? s->cap_changes * 2 : 16;
        s->changes = xrealloc_array(s->changes, s->cap_changes, sizeof *s->changes);
    }
    s->changes[s->n_changes++] = (struct change){before, after};
}

static void insert(struct state *s, size_t i, struct held *h)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->v = xrealloc_array(s->v, s->cap, sizeof *s->v);
    }
    memmove(s->v + i + 1, s->v + i, (s->n - i) * sizeof *s->v);
    s->n++;
    s->v[i] = h;
}

void state_apply(struct state *s, const struct record *r)
{
    size_t i = place_of(s, r->id);
    struct held *before = stands_at(s, i, r->id) ? s->v[i] : NULL, *after = xcalloc(1, sizeof *after);
    if (before)
        *after = *before;
    after->id = slice_dup(r->id);
    after->doc = SLICE_NONE;
    after->revision = r->revision;
    after->position = r->position;
    after->time = r->time;
    if (r->kind == RECORD_SNAPSHOT)
        take_snapshot(after, r);
    else
        take_event(after, before, r);
    if (before)
        s->v[i] = after;
    else
        insert(s, i, after);
    remember(s, before, after);
}

void state_keep(struct state *s)
{
    for (size_t i = 0; i < s->n_changes; i++)
        held_free(s->changes[i].before);
    s->n_changes = 0;
}

void state_undo(struct state *s)
{
    while (s->n_changes) {
        struct change *c = &s->changes[--s->n_changes];
        size_t i = place_of(s, c->after->id);
        if (c->before) {
            s->v[i] = c->before;
        } else {
            memmove(s->v + i, s->v + i + 1, (s->n - i - 1) * sizeof *s->v);
            s->n--;
        }
        held_free(c->after);
    }
}
