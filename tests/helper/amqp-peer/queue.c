#include "queue.h"

#include <stdlib.h>

#include "base/banned.h"

struct message *message_new(uint64_t n, struct slice encoded, struct header h)
{
    struct message *m = xmalloc(sizeof(*m) + encoded.len);
    *m = (struct message){.n = n, .header = h, .len = encoded.len};
    memcpy(m->bytes, encoded.p, encoded.len);
    return m;
}

void message_free(struct message *m)
{
    free(m);
}

void messages_push(struct messages *q, struct message *m)
{
    m->next = NULL;
    if (q->tail)
        q->tail->next = m;
    else
        q->head = m;
    q->tail = m;
    q->count++;
}

struct message *messages_take(struct messages *q)
{
    struct message *m = q->head;
    if (!m)
        return NULL;
    q->head = m->next;
    if (!q->head)
        q->tail = NULL;
    q->count--;
    return m;
}

void messages_put_back(struct messages *q, struct message *m)
{
    struct message **at = &q->head;
    while (*at && (*at)->n < m->n)
        at = &(*at)->next;
    m->next = *at;
    *at = m;
    if (!m->next)
        q->tail = m;
    q->count++;
}

static int by_number_down(const void *a, const void *b)
{
    uint64_t x = (*(struct message *const *)a)->n, y = (*(struct message *const *)b)->n;
    return (x < y) - (x > y);
}

/* Descending, each one goes in front of those before it: the walk from the head stays short. */
void messages_put_all_back(struct messages *q, struct message **m, size_t n)
{
    qsort(m, n, sizeof(*m), by_number_down);
    for (size_t i = 0; i < n; i++)
        messages_put_back(q, m[i]);
}

void messages_free(struct messages *q)
{
    struct message *m;
    while ((m = messages_take(q)))
        message_free(m);
}
