/* hub-settle.c: the settlement rule, case by case as Ditto's connectivity service decides. */
#include "hub/settle.h"
#include "tap.h"

#include "base/banned.h"

enum { MAX_RESPONSES = 2, MAX_ACKS = 3 };

struct answer {
    int status;
    bool live;
    int acks[MAX_ACKS]; /* ended by 0; none: a single response */
};

struct vector {
    const char *name;
    long expected;
    struct answer answers[MAX_RESPONSES]; /* ended by an empty one */
    enum line_class decision;
};

static const struct vector vectors[] = {
    {"nothing requested", 0, {{0}}, CLASS_ACCEPT},
    {"200", 1, {{.status = 200}}, CLASS_ACCEPT},
    {"201", 1, {{.status = 201}}, CLASS_ACCEPT},
    {"304", 1, {{.status = 304}}, CLASS_ACCEPT},
    {"400", 1, {{.status = 400}}, CLASS_REJECT},
    {"401", 1, {{.status = 401}}, CLASS_REJECT},
    {"404", 1, {{.status = 404}}, CLASS_REJECT},
    {"409", 1, {{.status = 409}}, CLASS_REJECT},
    {"412", 1, {{.status = 412}}, CLASS_REJECT},
    {"422", 1, {{.status = 422}}, CLASS_REJECT},
    {"429", 1, {{.status = 429}}, CLASS_REJECT},
    {"408", 1, {{.status = 408}}, CLASS_REDELIVER},
    {"500", 1, {{.status = 500}}, CLASS_REDELIVER},
    {"502", 1, {{.status = 502}}, CLASS_REDELIVER},
    {"503", 1, {{.status = 503}}, CLASS_REDELIVER},
    {"504", 1, {{.status = 504}}, CLASS_REDELIVER},
    {"204 and 201", 2, {{.status = 204}, {.status = 201}}, CLASS_ACCEPT},
    {"204 and 404", 2, {{.status = 204}, {.status = 404}}, CLASS_REJECT},
    {"404 and 503", 2, {{.status = 404}, {.status = 503}}, CLASS_REDELIVER},
    {"one of two missing", 2, {{.status = 204}}, CLASS_REDELIVER},
    {"count never known", -1, {{0}}, CLASS_REDELIVER},
    {"acks 200 204", 1, {{.acks = {200, 204}}}, CLASS_ACCEPT},
    {"acks 200 408", 1, {{.acks = {200, 408}}}, CLASS_REDELIVER},
    {"acks 204 503", 1, {{.acks = {204, 503}}}, CLASS_REDELIVER},
    {"acks 200 404", 1, {{.acks = {200, 404}}}, CLASS_REJECT},
    {"acks 200 304", 1, {{.acks = {200, 304}}}, CLASS_REJECT},
    {"acks 400", 1, {{.acks = {400}}}, CLASS_REJECT},
    {"acks 424", 1, {{.acks = {424}}}, CLASS_REDELIVER},
    {"acks 400 404 500", 1, {{.acks = {400, 404, 500}}}, CLASS_REDELIVER},
    {"live 404", 1, {{.status = 404, .live = true}}, CLASS_ACCEPT},
    {"live 503", 1, {{.status = 503, .live = true}}, CLASS_ACCEPT},
    {"live 408", 1, {{.status = 408, .live = true}}, CLASS_REDELIVER},
};

static void check(const struct vector *v)
{
    struct response r[MAX_RESPONSES] = {{0}};
    size_t n = 0;
    for (; n < MAX_RESPONSES && (v->answers[n].status || v->answers[n].acks[0]); n++) {
        const struct answer *a = &v->answers[n];
        r[n] = (struct response){.status = a->status, .live = a->live};
        if (!a->acks[0])
            continue;
        r[n].acks = a->acks;
        while (r[n].n_acks < MAX_ACKS && a->acks[r[n].n_acks])
            r[n].n_acks++;
    }
    is_int(settle_responses(v->expected, r, n), v->decision, "%s", v->name);
}

static void errors(void)
{
    is_int(settle_error(412), CLASS_ACCEPT, "error 412 accepts");
    is_int(settle_error(400), CLASS_REJECT, "error 400");
    is_int(settle_error(404), CLASS_REJECT, "error 404");
    is_int(settle_error(429), CLASS_REJECT, "error 429");
    is_int(settle_error(408), CLASS_REDELIVER, "error 408");
    is_int(settle_error(424), CLASS_REDELIVER, "error 424");
    is_int(settle_error(503), CLASS_REDELIVER, "error 503");
    is_int(settle_error(200), CLASS_REJECT, "an error with a good status is none the less an error");
    is_int(settle_error(0), CLASS_REDELIVER, "any other failure");
}

static void combined(void)
{
    is_int(settle_combined((int[]){204}, 1), 204, "one: its own");
    is_int(settle_combined((int[]){503}, 1), 503, "one bad: its own");
    is_int(settle_combined((int[]){200, 204}, 2), 200, "all good: 200");
    is_int(settle_combined((int[]){200, 404}, 2), 424, "one of two bad: 424");
    is_int(settle_combined(NULL, 0), 200, "none: 200");
}

int main(void)
{
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        check(&vectors[i]);
    errors();
    combined();
    return done();
}
