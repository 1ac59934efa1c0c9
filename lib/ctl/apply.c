#include "ctl/apply.h"

#include <stdlib.h>

#include "connection/control.h"
#include "connection/edit.h"
#include "ctl/diff.h"

#include "base/log.h"
#include "base/banned.h"

/* A document that was judged. */
struct wanted {
    const struct document *from;
    struct slice id; /* its own copy */
    struct buf effective;
};

struct plan {
    struct ctl *ctl;
    struct apply how;
    size_t n;
    struct wanted *v;
    bool masked; /* the store does not show us secrets */
    int worst;
};

static const char *place(const struct document *d, struct buf *scratch)
{
    buf_reset(scratch, 0);
    buf_puts(scratch, d->path);
    if (d->line)
        buf_printf(scratch, ":%u", d->line);
    return buf_z(scratch);
}

/* --- what is wanted --- */

static int judge(struct plan *p, const struct document *d)
{
    struct connection c;
    struct connection_problems problems;
    struct buf scratch = {0};
    int rc = connection_judge(&c, buf_slice(&d->text), &problems);
    for (size_t i = 0; i < problems.n; i++)
        ctl_print_problem(p->ctl, &problems.v[i]);
    if (rc < 0)
        error("cannot apply '%s': it is no valid connection", place(d, &scratch));
    connection_problems_free(&problems);
    buf_free(&scratch);
    if (rc < 0)
        return -1;
    struct wanted *w = &p->v[p->n++];
    *w = (struct wanted){.from = d, .id = slice_dup(c.id)};
    connection_put_effective(&w->effective, &c);
    connection_free(&c);
    return 0;
}

static int by_id(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    return slice_cmp(x->id, y->id);
}

static const struct wanted *wanted(const struct plan *p, struct slice id)
{
    const struct wanted key = {.id = id};
    return bsearch(&key, p->v, p->n, sizeof(*p->v), by_id);
}

static int gather(struct plan *p, const struct documents *d)
{
    struct buf one = {0}, other = {0};
    int rc = 0;
    p->v = xcalloc(d->n, sizeof(*p->v));
    for (size_t i = 0; i < d->n; i++)
        rc |= judge(p, &d->v[i]);
    qsort(p->v, p->n, sizeof(*p->v), by_id);
    for (size_t i = 1; i < p->n; i++) {
        if (!slice_eq(p->v[i].id, p->v[i - 1].id))
            continue;
        error("cannot apply '%s': connection '%.*s' stands in '%s', too", place(p->v[i].from, &one),
              SLICE_ARG(p->v[i].id), place(p->v[i - 1].from, &other));
        rc = -1;
    }
    buf_free(&one);
    buf_free(&other);
    return rc;
}

/* --- steps --- */

static void put_pointer(void *arg, struct slice pointer, struct json a, struct json b)
{
    (void)a, (void)b;
    json_put_item(arg);
    json_put_text(arg, pointer);
}

static void step_start(struct plan *p, const char *action, struct slice id)
{
    struct buf *out = &p->ctl->out;
    buf_putc(out, '{');
    json_put_member_text(out, S("action"), slice_str(action));
    json_put_member_text(out, S("connectionId"), id);
}

/* Takes the step, unless it is only to be said, and ends its line. */
static void step_take(struct plan *p, const struct request *r)
{
    struct line answer;
    struct buf *out = &p->ctl->out, done = {0};
    if (!p->how.dry_run) {
        ctl_ask(p->ctl, r, &answer);
        struct json refusal = client_refusal(&answer);
        bool refused = refusal.type != JSON_ABSENT;
        struct json said = refused ? refusal : json_get(answer.signal, S("status"));
        buf_puts(&done, refused ? ",\"error\":" : ",\"status\":");
        json_put_compact(&done, said);
        if (refused)
            p->worst = EXIT_NEGATIVE;
    }
    buf_put_slice(out, buf_slice(&done));
    buf_puts(out, "}\n");
    ctl_flush(p->ctl);
    buf_free(&done);
}

static struct json document_of(const struct wanted *w)
{
    return (struct json){JSON_OBJECT, buf_p(&w->effective), w->effective.len};
}

/* What the store will say against it, as far as that lies in the documents: another type, a mask that cannot be lifted. */
static void foresee(struct plan *p, const struct wanted *w, struct json stored)
{
    struct buf ignored = {0};
    struct connection_problems problems;
    if (connection_edit(&ignored, document_of(w), stored, false, &problems) != 0) {
        json_put_key(&p->ctl->out, S("error"));
        ditto_error_put(&p->ctl->out, &problems.v[0], true);
        p->worst = EXIT_NEGATIVE;
    }
    connection_problems_free(&problems);
    buf_wipe(&ignored);
}

static void send_document(struct plan *p, const char *command, const struct wanted *w, struct json stored)
{
    struct buf members = {0};
    if (p->how.dry_run)
        foresee(p, w, stored);
    json_put_member(&members, S("connection"), buf_slice(&w->effective));
    step_take(p, &(struct request){.command = command, .members = buf_slice(&members)});
    buf_wipe(&members);
}

static void modify(struct plan *p, const struct wanted *w, struct json stored)
{
    struct side is, should;
    struct buf changed = {0};
    side_init(&is, stored);
    side_init(&should, document_of(w));
    p->masked = p->masked || side_is_masked(&is);
    buf_putc(&changed, '[');
    if (side_compare(&is, &should, put_pointer, &changed)) {
        buf_putc(&changed, ']');
        step_start(p, "modify", w->id);
        json_put_member(&p->ctl->out, S("changed"), buf_slice(&changed));
        send_document(p, "modifyConnection", w, stored);
    }
    buf_free(&changed);
    side_free(&is);
    side_free(&should);
}

static void bring_about(struct plan *p, const struct wanted *w)
{
    struct line answer;
    ctl_ask_about(p->ctl, "retrieveConnection", w->id, true, &answer);
    struct json refusal = client_refusal(&answer);
    if (refusal.type == JSON_ABSENT) {
        modify(p, w, json_get(answer.signal, S("connection")));
    } else if (json_text_is(json_get(refusal, S("error")), S("connectivity:connection.notfound"))) {
        step_start(p, "create", w->id);
        send_document(p, "createConnection", w, (struct json){JSON_ABSENT, NULL, 0});
    } else {
        ctl_print(p->ctl, refusal);
        p->worst = EXIT_NEGATIVE;
    }
}

static void delete (struct plan *p, struct slice id)
{
    struct buf members = {0};
    json_put_member_text(&members, S("connectionId"), id);
    step_start(p, "delete", id);
    step_take(p, &(struct request){.command = "deleteConnection", .members = buf_slice(&members)});
    buf_free(&members);
}

static void prune(struct plan *p)
{
    struct line answer;
    struct buf ids = {0};
    ctl_ask(p->ctl, &(struct request){.command = "retrieveAllConnectionIds"}, &answer);
    json_put_compact(&ids, json_get(answer.signal, S("connectionIds")));
    struct json_iter it = json_iter((struct json){JSON_ARRAY, buf_p(&ids), ids.len});
    while (json_next(&it)) {
        struct slice id = json_raw(it.value);
        if (!wanted(p, id))
            delete (p, id);
    }
    buf_free(&ids);
}

static void plan_free(struct plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        buf_wipe(&p->v[i].effective);
        free((char *)(uintptr_t)p->v[i].id.p);
    }
    free(p->v);
}

int apply_documents(struct ctl *ctl, const struct documents *d, struct apply how)
{
    struct plan p = {.ctl = ctl, .how = how, .worst = EXIT_DONE};
    if (how.prune && !d->n) {
        error("cannot prune: nothing describes a connection, so that all would be deleted");
        return EXIT_PERMANENT;
    }
    bool good = gather(&p, d) == 0;
    if (!good)
        p.worst = EXIT_NEGATIVE;
    for (size_t i = 0; good && i < p.n; i++)
        bring_about(&p, &p.v[i]);
    if (how.prune && p.worst == EXIT_DONE)
        prune(&p);
    if (p.masked)
        warn("the store runs as another user and shows no secrets: changed ones are not noticed");
    plan_free(&p);
    return p.worst;
}
