/* workers.h: a worker for each language in which there are scripts; else as worker.h. */
#ifndef MAPPING_WORKERS_H
#define MAPPING_WORKERS_H

#include "mapping/worker.h"

struct workers {
    struct worker v[LANGUAGES];
    const struct scripts *scripts;
};

/* like: what worker.h says is set by the caller; its engine is not looked at. The rest as worker_start. */
int workers_start(struct workers *w, const struct worker *like, struct buf *why, int *script);
void workers_attach(struct workers *w, struct loop *loop);
void workers_submit(struct workers *w, struct job *job);
void workers_flush(struct workers *w);
void workers_stop(struct workers *w);

#endif
