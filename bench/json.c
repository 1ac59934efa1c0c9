/* bench/json.c: what reading and splicing one envelope costs, beside libjq.
 *
 * usage: json [rounds]
 *
 * Prints one NDJSON record on stdout: nanoseconds per message as medians over interleaved rounds, and the ratios
 * to libjq's parser. "splice" reads the envelope and writes it again with another topic, everything else as it was. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <jv.h>

#include "base/scan.h"
#include "line/line.h"

#include "base/banned.h"

enum { MESSAGES = 20000, ROUNDS = 9, ROUNDS_MOST = 99 };

static const char envelope[] =
    "{\"topic\":\"org.eclipse.conntools/sensor-4711/things/twin/commands/modify\",\"headers\":{\"correlation-id\":"
    "\"0f4c9c1e-7f6b-4a52-9a0e-3a3d0c5c9b11\",\"content-type\":\"application/json\",\"response-required\":false},"
    "\"path\":\"/features/temperature/properties\",\"value\":{\"value\":21.5,\"unit\":\"Cel\",\"min\":-40,\"max\":125.0,"
    "\"location\":{\"lat\":52.5163,\"lon\":13.3777,\"tags\":[\"roof\",\"north\"]},\"ok\":true,\"n\":12345678901234567890},"
    "\"extra\":{\"policyId\":\"a:bcde\"}}";

static struct buf out;
static volatile size_t sink;

static void run_parse(struct slice text)
{
    struct json doc;
    if (json_parse(text, &doc, NULL) < 0)
        abort();
    sink += doc.len;
}

static void run_line(struct slice text)
{
    struct line l;
    if (line_read(text, &l, NULL) < 0)
        abort();
    sink += l.value.len;
}

static void put(struct slice name, struct json value)
{
    if (value.p)
        json_put_member(&out, name, json_slice(value));
}

static void run_splice(struct slice text)
{
    struct line l;
    if (line_read(text, &l, NULL) < 0)
        abort();
    buf_cut(&out, 0);
    buf_putc(&out, '{');
    json_put_member_text(&out, S("topic"), S("org.eclipse.conntools/sensor-4711/things/live/messages/t"));
    put(S("headers"), l.headers);
    put(S("path"), l.path);
    put(S("value"), l.value);
    put(S("extra"), l.extra);
    put(S("status"), l.status);
    buf_putc(&out, '}');
    sink += out.len;
}

static void run_jq(struct slice text)
{
    jv v = jv_parse_sized(text.p, (int)text.len);
    if (!jv_is_valid(v))
        abort();
    jv_free(v);
}

static void run_jq_dump(struct slice text)
{
    jv v = jv_dump_string(jv_parse_sized(text.p, (int)text.len), 0);
    sink += (size_t)jv_string_length_bytes(v);
}

static const struct subject {
    const char *name;
    void (*run)(struct slice text);
    unsigned share; /* of MESSAGES a round, so that the slow ones do not take all the time */
} subjects[] = {
    {"parse", run_parse, 1},  {"line_read", run_line, 1},         {"splice", run_splice, 1},
    {"jq_parse", run_jq, 16}, {"jq_parse_dump", run_jq_dump, 16},
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

static double measure(const struct subject *s)
{
    struct timespec from, to;
    unsigned n = MESSAGES / s->share;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (unsigned i = 0; i < n; i++)
        s->run(slice_of(envelope, sizeof envelope - 1));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / n;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static double ns[SUBJECTS][ROUNDS_MOST];
    double median[SUBJECTS];
    uint64_t rounds = ROUNDS;
    if (argc > 1 && (scan_u64(slice_str(argv[1]), &rounds) < 0 || rounds == 0 || rounds > ROUNDS_MOST))
        return 100;
    for (uint64_t r = 0; r < rounds; r++)
        for (int i = 0; i < SUBJECTS; i++)
            ns[i][r] = measure(&subjects[i]);
    printf("{\"bench\":\"json\",\"bytes\":%zu", sizeof envelope - 1);
    for (int i = 0; i < SUBJECTS; i++) {
        qsort(ns[i], rounds, sizeof **ns, by_size);
        median[i] = ns[i][rounds / 2];
        printf(",\"%s_ns\":%.0f", subjects[i].name, median[i]);
    }
    printf(",\"jq_per_parse\":%.1f,\"jq_per_splice\":%.1f}\n", median[3] / median[0], median[4] / median[2]);
    buf_free(&out);
    return 0;
}
