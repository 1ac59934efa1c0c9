#include "fault.h"

#include <stdlib.h>

#include "base/banned.h"

struct modes modes;

static struct fault *refusals, *waiting;
static struct answer answer;

static bool same_address(const char *wanted, const char *address)
{
    return !wanted || strcmp(wanted, address) == 0;
}

bool fault_matches(const struct fault *f, const char *address)
{
    return same_address(f->address, address);
}

void fault_free(struct fault *f)
{
    free(f->address);
    free(f->condition);
    free(f->description);
    free(f->redirect);
    free(f);
}

static void append(struct fault **list, struct fault *f)
{
    while (*list)
        list = &(*list)->next;
    f->next = NULL;
    *list = f;
}

void fault_refuse(struct fault *f)
{
    append(&refusals, f);
}

void fault_allow(void)
{
    struct fault *f;
    while ((f = refusals)) {
        refusals = f->next;
        fault_free(f);
    }
}

const struct fault *fault_refusal(const char *address)
{
    struct fault *f = refusals;
    while (f && !fault_matches(f, address))
        f = f->next;
    return f;
}

void fault_after(struct fault *f)
{
    append(&waiting, f);
}

struct fault *fault_passed(const char *address)
{
    for (struct fault **at = &waiting; *at; at = &(*at)->next) {
        struct fault *f = *at;
        if (!fault_matches(f, address) || --f->left > 0)
            continue;
        *at = f->next;
        return f;
    }
    return NULL;
}

void fault_set_answer(struct answer a)
{
    free(answer.address);
    free(answer.condition);
    free(answer.description);
    answer = a;
}

const struct answer *fault_answer(const char *address)
{
    if (!answer.left || !same_address(answer.address, address))
        return NULL;
    if (answer.left != UINT64_MAX)
        answer.left--;
    return &answer;
}
