#include "mapping/workers.h"

#include "base/banned.h"

static const struct script_engine *const engines[LANGUAGES] = {
    [LANGUAGE_JQ] = &jq_engine, [LANGUAGE_JAVASCRIPT] = &javascript_engine};

static bool spoken(const struct scripts *s, enum language language)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].language == language)
            return true;
    return false;
}

int workers_start(struct workers *w, const struct worker *like, struct buf *why, int *script)
{
    *w = (struct workers){.scripts = like->scripts};
    for (int i = 0; i < LANGUAGES; i++) {
        if (!spoken(w->scripts, i))
            continue;
        w->v[i] = *like;
        w->v[i].engine = engines[i];
        if (worker_start(&w->v[i], why, script) < 0)
            return -1;
    }
    return 0;
}

void workers_attach(struct workers *w, struct loop *loop)
{
    for (int i = 0; i < LANGUAGES; i++)
        if (w->v[i].engine)
            worker_attach(&w->v[i], loop);
}

void workers_submit(struct workers *w, struct job *job)
{
    worker_submit(&w->v[w->scripts->v[job->script].language], job);
}

void workers_flush(struct workers *w)
{
    for (int i = 0; i < LANGUAGES; i++)
        if (w->v[i].engine)
            worker_flush(&w->v[i]);
}

void workers_stop(struct workers *w)
{
    for (int i = 0; i < LANGUAGES; i++)
        if (w->v[i].engine)
            worker_stop(&w->v[i]);
}
