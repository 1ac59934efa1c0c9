#include "hub/settle.h"

#include "base/banned.h"

int settle_combined(const int *acks, size_t n)
{
    if (n == 1)
        return acks[0];
    for (size_t i = 0; i < n; i++)
        if (acks[i] < 200 || acks[i] > 299)
            return 424;
    return 200;
}

static bool failed(const struct response *r)
{
    if (r->live)
        return r->status == 408;
    return (r->acks ? settle_combined(r->acks, r->n_acks) : r->status) >= 400;
}

static bool worth_repeating(const struct response *r)
{
    if (!r->acks)
        return line_class_of(r->status) == CLASS_REDELIVER;
    for (size_t i = 0; i < r->n_acks; i++)
        if (line_class_of(r->acks[i]) == CLASS_REDELIVER)
            return true;
    return false;
}

enum line_class settle_responses(long expected, const struct response *r, size_t n)
{
    size_t n_failed = 0;
    bool repeat = false;
    for (size_t i = 0; i < n; i++)
        if (failed(&r[i])) {
            n_failed++;
            repeat = repeat || worth_repeating(&r[i]);
        }
    if (n_failed == 0)
        return expected >= 0 && n >= (size_t)expected ? CLASS_ACCEPT : CLASS_REDELIVER;
    return repeat ? CLASS_REDELIVER : CLASS_REJECT;
}

enum line_class settle_error(int status)
{
    if (status == 412)
        return CLASS_ACCEPT;
    if (status == 0)
        return CLASS_REDELIVER;
    /* an error never accepts, whatever its status says */
    return line_class_of(status) == CLASS_REDELIVER ? CLASS_REDELIVER : CLASS_REJECT;
}
