#include "hub/enrich.h"

#include <stdlib.h>

#include "hub/hash.h"
#include "hub/selection.h"
#include "json/patch.h"
#include "json/pointer.h"

#include "base/banned.h"

#define FIELDS "thingId,policyId,definition,attributes,features,_revision,_modified,_created,_metadata"

/* A message that waits, in order. */
struct parked {
    struct parked *next;
    struct hub *hub;
    struct member *to; /* NULL: it left */
    size_t outlet, size;
    struct leg *leg; /* NULL: nobody waits */
    char id[PENDING_ID_SIZE];
    struct buf object, more;
};

/* A thing as the subjects of a target see it: known, or asked for. */
struct fetch {
    struct fetch *chain, **at;   /* bucket */
    struct fetch *older, *newer; /* by use */
    struct hub *hub;
    struct slice thing, subjects; /* ns/name; `"subjects":[…]` */
    struct buf key, text;         /* text: the thing, once it is known */
    bool known;
    int64_t revision, seen; /* seen: of an event that came while it was asked for */
    struct leg *leg;        /* the question */
    struct timer timer;
    struct parked *first, **last;
};

/* ---- places ---- */

static size_t bucket(struct slice thing)
{
    return hash_of(thing) % EXTRAS_BUCKETS;
}

static struct slice thing_of(const struct topic *t)
{
    return slice_of(t->full.p, t->namespace.len + 1 + t->name.len);
}

static void unlink_use(struct extras *x, struct fetch *f)
{
    *(f->older ? &f->older->newer : &x->oldest) = f->newer;
    *(f->newer ? &f->newer->older : &x->newest) = f->older;
}

static void link_use(struct extras *x, struct fetch *f)
{
    f->older = x->newest;
    f->newer = NULL;
    *(f->older ? &f->older->newer : &x->oldest) = f;
    x->newest = f;
}

static void on_late(struct timer *t);

static struct fetch *place_new(struct hub *h, struct slice thing, struct slice subjects)
{
    struct fetch *f = xcalloc(1, sizeof *f), **head = &h->extras->buckets[bucket(thing)];
    f->hub = h;
    buf_put_slice(&f->key, thing);
    buf_put_slice(&f->key, subjects);
    f->thing = slice_of(buf_p(&f->key), thing.len);
    f->subjects = slice_skip(buf_slice(&f->key), thing.len);
    f->timer = (struct timer){.at = NEVER, .fire = on_late, .arg = f};
    f->last = &f->first;
    f->chain = *head;
    f->at = head;
    if (f->chain)
        f->chain->at = &f->chain;
    *head = f;
    link_use(h->extras, f);
    h->extras->n++;
    return f;
}

static void drop_question(struct fetch *f)
{
    struct leg *l = f->leg;
    loop_timer(f->hub->loop, &f->timer, NEVER);
    f->leg = NULL;
    if (!l)
        return;
    l->fetch = NULL;
    leg_drop(l);
}

/* Nothing waits in it. */
static void place_free(struct fetch *f)
{
    struct extras *x = f->hub->extras;
    drop_question(f);
    *f->at = f->chain;
    if (f->chain)
        f->chain->at = f->at;
    unlink_use(x, f);
    x->bytes -= f->text.len;
    x->n--;
    buf_free(&f->key);
    buf_free(&f->text);
    free(f);
}

static struct fetch *find(struct hub *h, struct slice thing, struct slice subjects)
{
    struct fetch *f = h->extras->buckets[bucket(thing)];
    while (f && !(slice_eq(f->thing, thing) && slice_eq(f->subjects, subjects)))
        f = f->chain;
    return f;
}

static void set_text(struct fetch *f, struct buf *text)
{
    f->hub->extras->bytes += text->len - f->text.len;
    buf_free(&f->text);
    f->text = *text;
    *text = (struct buf){0};
}

static void make_room(struct extras *x)
{
    struct fetch *f = x->oldest, *next;
    for (; f && x->bytes > EXTRAS_MAX_BYTES; f = next) {
        next = f->newer;
        if (f->known)
            place_free(f);
    }
}

/* ---- handing on ---- */

/* `extra` stands behind `value`, or last. */
static void put_extra(struct buf *dst, struct slice object, struct slice extra)
{
    struct json whole = {JSON_OBJECT, object.p, object.len};
    bool has_value = json_get(whole, S("value")).type != JSON_ABSENT;
    buf_putc(dst, '{');
    for (struct json_iter it = json_iter(whole); json_next(&it);) {
        if (json_key_is(it.key, S("extra")))
            continue;
        json_put_item(dst);
        buf_putc(dst, '"');
        buf_put_slice(dst, it.key);
        buf_puts(dst, "\":");
        buf_put_slice(dst, json_slice(it.value));
        if (has_value && json_key_is(it.key, S("value")))
            json_put_member(dst, S("extra"), extra);
    }
    if (!has_value)
        json_put_member(dst, S("extra"), extra);
    buf_putc(dst, '}');
}

/* The message as the filter has it: with the extra fields that it selects. False: it does not match. */
static bool matches(struct hub *h, const struct filter *f, struct slice object, struct json thing,
                    struct buf *out)
{
    struct line l;
    struct topic t;
    struct buf extra = {0}, text = {0};
    struct ditto_error ignored = {0};
    buf_cut(out, 0);
    if (!f->extra_fields.n) {
        buf_put_slice(out, object);
    } else if (line_read(object, &l, NULL) == 0 &&
               topic_parse(json_text(l.topic, &text), &t, &ignored) == 0) {
        selection_put(&extra, &f->extra_fields, thing, &l, &t);
        put_extra(out, object, buf_slice(&extra));
    }
    buf_free(&extra);
    buf_free(&text);
    return line_skim(buf_slice(out), &l) == 0 && filter_matches(f, &l, &h->directory.scratch);
}

static void hand(struct hub *h, struct member *to, size_t outlet, struct leg *leg, const char *id,
                 struct slice more, struct slice object, struct json thing)
{
    const struct outlet *o = &to->outlets[outlet];
    struct buf out = {0};
    bool found = false;
    for (size_t i = 0; i < o->n_filters && !found; i++)
        found = matches(h, &o->filters[i], object, thing, &out);
    if (found) {
        h->counters[HUB_HANDED].n++;
        member_hand(to, leg ? id : NULL, buf_slice(&o->context), more, slice_skip(buf_slice(&out), 1));
    } else {
        tally_target(to, outlet, MEASURE_FILTERED, true);
        if (leg)
            leg_settle(leg, 200, &(struct said){.weak = true});
    }
    buf_free(&out);
}

static struct json thing_json(const struct fetch *f)
{
    return (struct json){f->text.len ? JSON_OBJECT : JSON_ABSENT, buf_p(&f->text), f->text.len};
}

static struct parked *take_parked(struct fetch *f)
{
    struct parked *p = f->first;
    if (!p)
        return NULL;
    f->first = p->next;
    if (!f->first)
        f->last = &f->first;
    if (p->leg)
        p->leg->parked = NULL;
    if (p->to)
        p->to->parked -= p->size;
    return p;
}

static void parked_free(struct parked *p)
{
    buf_free(&p->object);
    buf_free(&p->more);
    free(p);
}

static void release(struct fetch *f)
{
    for (struct parked *p; (p = take_parked(f)); parked_free(p))
        if (p->to)
            hand(f->hub, p->to, p->outlet, p->leg, p->id, buf_slice(&p->more), buf_slice(&p->object),
                 thing_json(f));
}

/* What waits is not handed on, and the place is free. */
static void fail(struct fetch *f, int status, struct json error)
{
    struct hub *h = f->hub;
    struct said s = {.error = error, .by_hub = true};
    f->known = false;
    drop_question(f);
    for (struct parked *p; (p = take_parked(f)); parked_free(p)) {
        if (p->to)
            tally_target(p->to, p->outlet, MEASURE_DROPPED, false);
        if (p->leg)
            leg_settle(p->leg, status, &s);
        else if (p->to)
            h->counters[HUB_DROPPED].n++;
    }
    hub_complain(h, "cannot fetch the extra fields of '%.*s': status %d", SLICE_ARG(f->thing), status);
    place_free(f);
}

static void fail_with(struct fetch *f, int status, const char *code, const char *why)
{
    struct ditto_error err = {0};
    struct buf text = {0};
    ditto_fail(&err, status, code, NULL, NULL, "The extra fields are not available: %s.", why);
    ditto_error_put(&text, &err, false);
    fail(f, status, (struct json){JSON_OBJECT, buf_p(&text), text.len});
    buf_free(&text);
}

static void on_late(struct timer *t)
{
    fail_with(t->arg, 408, "command.timeout", "the service did not answer within 10 s");
}

/* ---- asking ---- */

static bool ask(struct fetch *f)
{
    struct hub *h = f->hub;
    struct buf rest = {0}, topic = {0};
    char id[PENDING_ID_SIZE];
    buf_put_slice(&topic, f->thing);
    buf_puts(&topic, "/things/twin/commands/retrieve");
    struct member *service = directory_service(&h->directory, buf_slice(&topic), NULL);
    if (service && member_has_room(service, topic.len + f->subjects.len + sizeof FIELDS)) {
        f->leg = leg_new(service, NULL, id);
        f->leg->fetch = f;
        json_put_member_text(&rest, S("topic"), buf_slice(&topic));
        json_put_key(&rest, S("headers"));
        buf_putc(&rest, '{');
        json_put_member_text(&rest, S("correlation-id"), slice_str(id));
        buf_puts(&rest, "},\"path\":\"/\",\"fields\":\"" FIELDS "\"}");
        member_hand(service, id, S("\"context\":{"), f->subjects, buf_slice(&rest));
        loop_timer(h->loop, &f->timer, clock_ms() + FETCH_MAX_MS);
    }
    buf_free(&rest);
    buf_free(&topic);
    return f->leg != NULL;
}

static void park(struct fetch *f, const struct match *m, struct leg *l, const char *id, struct slice more,
                 struct slice object)
{
    struct parked *p = xcalloc(1, sizeof *p);
    *p = (struct parked){.hub = f->hub, .to = m->to, .outlet = m->outlet, .leg = l};
    p->size = object.len + more.len + sizeof *p;
    m->to->parked += p->size;
    if (l) {
        memcpy(p->id, id, sizeof p->id);
        l->parked = p;
    }
    buf_put_slice(&p->object, object);
    buf_put_slice(&p->more, more);
    *f->last = p;
    f->last = &p->next;
}

static bool is_deletion(const struct topic *t, struct slice object)
{
    struct json whole = {JSON_OBJECT, object.p, object.len};
    return t->criterion == CRITERION_EVENTS && t->verb == ACTION_DELETED &&
           json_text_is(json_get(whole, S("path")), S("/"));
}

void enrich_hand(struct hub *h, const struct match *m, const struct topic *t, struct leg *l, const char *id,
                 struct slice more, struct slice rest)
{
    static const struct json nothing = {JSON_ABSENT, NULL, 0};
    struct buf object = {0};
    struct slice thing = thing_of(t), subjects = buf_slice(&m->to->outlets[m->outlet].asking);
    buf_putc(&object, '{');
    buf_put_slice(&object, rest);
    struct fetch *f = find(h, thing, subjects);
    if (f && f->known && !is_deletion(t, buf_slice(&object))) {
        unlink_use(h->extras, f);
        link_use(h->extras, f);
        hand(h, m->to, m->outlet, l, id, more, buf_slice(&object), thing_json(f));
    } else if (is_deletion(t, buf_slice(&object))) {
        hand(h, m->to, m->outlet, l, id, more, buf_slice(&object), nothing);
    } else {
        if (!f)
            f = place_new(h, thing, subjects);
        park(f, m, l, id, more, buf_slice(&object));
        if (!f->leg && !ask(f))
            fail_with(f, 503, "things:thing.unavailable", "no service is there to ask, or its queue is full");
    }
    buf_free(&object);
}

/* ---- answers ---- */

void enrich_response(struct leg *l, const struct line *answer)
{
    struct fetch *f = l->fetch;
    int64_t status = 0, revision = 0;
    struct buf text = {0};
    bool fine = json_int(answer->status, &status) == 0 && status >= 200 && status < 300 &&
                json_is(answer->value, JSON_OBJECT);
    drop_question(f);
    if (!fine) {
        fail(f, status >= 400 ? (int)status : 503, answer->value);
        return;
    }
    bool dated = json_int(json_get(answer->value, S("_revision")), &revision) == 0;
    buf_put_slice(&text, json_slice(answer->value));
    set_text(f, &text);
    f->revision = revision;
    f->known = true;
    release(f);
    if (!dated || revision < f->seen) /* nothing would keep it true */
        place_free(f);
    else
        make_room(f->hub->extras);
}

void enrich_answered(struct leg *l, int status, const struct said *s)
{
    fail(l->fetch, line_class_of(status) == CLASS_ACCEPT ? 503 : status, s->error);
}

void enrich_unclaimed(struct leg *l)
{
    if (l->parked)
        l->parked->leg = NULL;
    l->parked = NULL;
    if (l->fetch)
        l->fetch->leg = NULL;
}

/* ---- events ---- */

/* text becomes the thing after the event. False: that cannot be told. */
static bool follow(const struct fetch *f, const struct line *l, const struct topic *t, struct slice path,
                   struct buf *text)
{
    struct json thing = thing_json(f);
    struct pointer p;
    struct buf part = {0};
    if (!pointer_parse(&p, path, POINTER_DITTO))
        return false;
    switch (t->verb) {
    case ACTION_CREATED:
    case ACTION_MODIFIED: pointer_put_with(text, thing, p, json_slice(l->value)); return true;
    case ACTION_DELETED: pointer_put_with(text, thing, p, SLICE_NONE); return true;
    case ACTION_MERGED:
        json_put_patched(&part, pointer_get(thing, p), l->value, PATCH_DITTO);
        pointer_put_with(text, thing, p, buf_slice(&part));
        buf_free(&part);
        return true;
    default: return false;
    }
}

static void put_number(struct buf *dst, struct buf *src, struct slice name, struct json v)
{
    struct json whole = {JSON_OBJECT, buf_p(src), src->len};
    buf_cut(dst, 0);
    json_put_with(dst, whole, name, json_present(v) ? json_slice(v) : SLICE_NONE);
}

static bool is_root(struct slice path)
{
    return path.len == 0 || slice_eq(path, S("/"));
}

/* True: the place is true again. */
static bool apply(struct fetch *f, const struct line *l, const struct topic *t, int64_t revision,
                  struct slice path)
{
    struct buf text = {0}, dated = {0};
    bool partly = json_present(json_get(l->headers, S("ditto-partial-access-paths")));
    bool told = json_present(json_get(thing_json(f), S("_metadata")));
    if (revision != f->revision + 1 || partly || told || is_root(path) || !follow(f, l, t, path, &text)) {
        buf_free(&text);
        return false;
    }
    put_number(&dated, &text, S("_revision"), l->revision);
    put_number(&text, &dated, S("_modified"), l->timestamp);
    set_text(f, &text);
    buf_free(&dated);
    f->revision = revision;
    return true;
}

void enrich_event(struct hub *h, const struct line *l, const struct topic *t)
{
    struct buf scratch = {0};
    struct slice thing = thing_of(t), path = json_text(l->path, &scratch);
    int64_t revision = 0;
    bool dated = json_int(l->revision, &revision) == 0;
    for (struct fetch *f = h->extras->buckets[bucket(thing)], *next; f; f = next) {
        next = f->chain;
        if (!slice_eq(f->thing, thing))
            continue;
        if (!f->known)
            f->seen = revision > f->seen ? revision : f->seen;
        else if ((!dated || revision > f->revision) && !apply(f, l, t, revision, path))
            place_free(f);
    }
    buf_free(&scratch);
    make_room(h->extras);
}

/* ---- leaving ---- */

void enrich_leave(struct hub *h, struct member *m)
{
    for (struct fetch *f = h->extras->oldest, *next; f; f = next) {
        next = f->newer;
        for (struct parked *p = f->first; p; p = p->next)
            if (p->to == m)
                p->to = NULL;
        if (m->role == ROLE_SERVICE && f->known)
            place_free(f);
    }
    m->parked = 0;
}

void enrich_start(struct hub *h)
{
    h->extras = xcalloc(1, sizeof *h->extras);
}

void enrich_stop(struct hub *h)
{
    while (h->extras->oldest) {
        struct fetch *f = h->extras->oldest;
        for (struct parked *p; (p = take_parked(f));)
            parked_free(p);
        place_free(f);
    }
    free(h->extras);
}
