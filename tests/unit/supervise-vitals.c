/* supervise-vitals: reports of programs as metrics and logs: totals over the lives of processes, lost reports, limits. */
#include "supervise/reports.h"
#include "supervise/vitals.h"

#include <stdlib.h>

#include "tap.h"

static struct connection connection;
static const struct reporting in = {0, INBOUND}, out = {0, OUTBOUND};

static void parse(void)
{
    struct ditto_error err = {0};
    if (connection_parse(
            &connection,
            S("{\"id\":\"c\",\"connectionType\":\"amqp-10\",\"connectionStatus\":\"open\",\"uri\":\"amqp://127.0.0.1:1\","
              "\"sources\":[{\"addresses\":[\"a\",\"b\"],\"authorizationContext\":[\"x\"]}],"
              "\"targets\":[{\"address\":\"t\",\"topics\":[\"_/_/things/live/messages\"],\"authorizationContext\":[\"x\"]}]}"),
            &err) < 0)
        abort();
}

static void take(struct vitals *v, const struct reporting *who, const char *line)
{
    reports_take(v, &connection, who, slice_str(line));
}

/* The answer, as JSON that lives until the next one. */
static struct json metrics(struct vitals *v)
{
    static struct buf b;
    struct json doc;
    buf_reset(&b, 0);
    vitals_put_metrics(&b, v, S("c"), &connection, clock_ms());
    if (json_parse(buf_slice(&b), &doc, NULL) < 0)
        abort();
    return doc;
}

static struct json logs(struct vitals *v, int64_t wall, size_t *len)
{
    static struct buf b;
    struct json doc;
    buf_reset(&b, 0);
    vitals_put_logs(&b, v, S("c"), wall);
    if (json_parse(buf_slice(&b), &doc, NULL) < 0)
        abort();
    if (len)
        *len = b.len;
    return doc;
}

static long long number(struct json doc, const char *pointer)
{
    int64_t n;
    return json_int(json_pointer(doc, slice_str(pointer)), &n) == 0 ? n : -1;
}

#define CONSUMED(life, address, n)                                                                           \
    "{\"report\":\"meter\",\"from\":\"amqp-in\",\"life\":" #life                                             \
    ",\"category\":\"source\",\"index\":0,\"address\":" #address ",\"consumed\":[" #n ",0]}"

static const char A[] = "/sourceMetrics/addressMetrics/a/consumed/success/PT24H";

static void test_lives(void)
{
    struct vitals v = {0};
    is_int(number(metrics(&v), A), 0, "places of the document are there from the start");
    take(&v, &in, CONSUMED(1, 0, 10));
    take(&v, &in, CONSUMED(1, 0, 10));
    is_int(number(metrics(&v), A), 10, "the same total again adds nothing");
    take(&v, &in, CONSUMED(1, 0, 25));
    is_int(number(metrics(&v), A), 25, "a report that was lost is made up for");
    take(&v, &in, CONSUMED(2, 0, 3));
    is_int(number(metrics(&v), A), 28, "a new life begins at 0, and adds");
    take(&v, &in, CONSUMED(2, 1, 4));
    is_int(number(metrics(&v), "/sourceMetrics/addressMetrics/b/consumed/success/PT1M"), 4,
           "addresses are told apart");
    is_int(number(metrics(&v), "/connectionMetrics/inbound/consumed/success/PT1H"), 32, "… and added up");
    is_int(number(metrics(&v), "/totals/source/a/consumed/success"), 28, "the total is told, too");
    struct reporting second = {1, INBOUND};
    take(&v, &second, CONSUMED(3, 0, 5));
    is_int(number(metrics(&v), A), 33, "clients are added up");
    ok(json_get(metrics(&v), S("containsFailures")).type == JSON_FALSE, "nothing failed");
    take(
        &v, &out,
        "{\"report\":\"meter\",\"from\":\"amqp-out\",\"life\":9,\"category\":\"target\",\"index\":0,\"published\":[1,2]}");
    is_int(number(metrics(&v), "/targetMetrics/addressMetrics/t/published/failure/PT1M"), 2,
           "failures count apart");
    ok(json_get(metrics(&v), S("containsFailures")).type == JSON_TRUE, "something failed");
    vitals_reset_metrics(&v);
    is_int(number(metrics(&v), A), 0, "reset");
    ok(json_get(metrics(&v), S("containsFailures")).type == JSON_FALSE, "… failures, too");
    is_int(number(metrics(&v), "/totals/source/a/consumed/success"), 33, "… but not totals, which only grow");
    take(&v, &in, CONSUMED(2, 0, 4));
    is_int(number(metrics(&v), A), 1, "counting goes on from there");
    vitals_free(&v);
}

static void test_nonsense(void)
{
    struct vitals v = {0};
    static const char *const lines[] = {
        "",
        "nonsense",
        "[]",
        "{}",
        "{\"report\":\"meter\"}",
        "{\"report\":\"meter\",\"from\":\"x\",\"category\":\"source\"}",
        "{\"report\":\"meter\",\"from\":\"x\",\"category\":\"else\",\"index\":0,\"consumed\":[1,1]}",
        "{\"report\":\"meter\",\"from\":\"x\",\"category\":\"source\",\"index\":-1,\"consumed\":[1,1]}",
        "{\"report\":\"meter\",\"from\":\"x\",\"category\":\"source\",\"index\":0,\"address\":-7,\"consumed\":[1,1]}",
        "{\"report\":\"meter\",\"from\":\"x\",\"category\":\"source\",\"index\":0,\"address\":0,\"consumed\":[-1,\"1\"]}",
        "{\"report\":\"log\",\"from\":\"x\",\"category\":\"source\",\"index\":0,\"address\":0,\"type\":\"none\",\"level\":\"success\",\"at\":1,\"message\":\"m\"}",
    };
    vitals_enable_logs(&v, wall_ms());
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        take(&v, &in, lines[i]);
    is_int(number(metrics(&v), "/connectionMetrics/inbound/consumed/success/PT24H"), 0,
           "what is no report counts nothing");
    is_int((long long)json_count(json_get(logs(&v, wall_ms(), NULL), S("connectionLogs"))), 0,
           "… and logs nothing");
    take(&v, &in,
         "{\"report\":\"meter\",\"from\":\"x\",\"category\":\"source\",\"index\":99,\"consumed\":[1,0]}");
    is_int(number(metrics(&v), "/sourceMetrics/addressMetrics/<empty>/consumed/success/PT24H"), 1,
           "a place without an address has Ditto's name");
    vitals_free(&v);
}

/* --- logs --------------------------------------------------------------------------------------------------------- */

static void log_one(struct vitals *v, enum outcome_level level, int64_t at, struct slice message,
                    int64_t wall)
{
    struct log_text text = {SLICE_NONE, SLICE_NONE, SLICE_NONE, message};
    struct cell *c = vitals_cell(v, CATEGORY_SOURCE, S("a"), MEASURE_MAPPED, level);
    windows_add(&c->windows, 1, 0, at);
    vitals_log(v, CATEGORY_SOURCE, S("a"), MEASURE_MAPPED, level, at, &text, wall);
}

static long long suppressed(struct json answer)
{
    long long n = 0;
    int64_t count;
    for (struct json_iter it = json_iter(json_get(answer, S("suppressed"))); json_next(&it);)
        n += json_int(json_get(it.value, S("count")), &count) == 0 ? count : 0;
    return n;
}

static void test_logs(void)
{
    struct vitals v = {0};
    const int64_t start = 1700000000000;
    log_one(&v, LEVEL_SUCCESS, start, S("before"), start);
    struct json answer = logs(&v, start, NULL);
    is_int((long long)json_count(json_get(answer, S("connectionLogs"))), 0, "logging is off at first");
    ok(!json_present(json_get(answer, S("enabledSince"))), "… and says so");
    vitals_enable_logs(&v, start);
    for (int i = 0; i < 25; i++)
        log_one(&v, LEVEL_SUCCESS, start + i, S("m"), start + i);
    for (int i = 0; i < 3; i++)
        log_one(&v, LEVEL_FAILURE, start + i, S("f"), start + i);
    answer = logs(&v, start + 1000, NULL);
    is_int((long long)json_count(json_get(answer, S("connectionLogs"))), 13,
           "ten of a sort and level are kept");
    is_int(suppressed(answer), 15, "the others are counted; what was before logging is not");
    ok(json_text_is(json_get(answer, S("enabledSince")), S("2023-11-14T22:13:20Z")),
       "it tells since when it is on");
    ok(json_text_is(json_get(answer, S("enabledUntil")), S("2023-11-14T23:13:21Z")),
       "… and until when, an hour after it was asked for last");
    ok(json_text_is(json_pointer(answer, S("/connectionLogs/12/timestamp")), S("2023-11-14T22:13:20.024Z")),
       "the newest one is the last one");
    vitals_reset_logs(&v);
    answer = logs(&v, start + 2000, NULL);
    is_int((long long)json_count(json_get(answer, S("connectionLogs"))), 0, "reset: no entries");
    is_int(suppressed(answer), 0, "… and none suppressed");
    log_one(&v, LEVEL_SUCCESS, start + 3000, S("m"), start + 3000);
    is_int((long long)json_count(json_get(logs(&v, start + 4000, NULL), S("connectionLogs"))), 1,
           "it stays on");
    int64_t late = start + 4000 + LOG_MS;
    log_one(&v, LEVEL_SUCCESS, late, S("late"), late);
    answer = logs(&v, late, NULL);
    is_int((long long)json_count(json_get(answer, S("connectionLogs"))), 0, "it goes off after an hour");
    ok(!json_present(json_get(answer, S("enabledUntil"))), "… and says so");
    vitals_enable_logs(&v, late);
    is_int(suppressed(logs(&v, late, NULL)), 0, "enabled again it begins anew");
    vitals_free(&v);
}

static void test_size(void)
{
    struct vitals v = {0};
    static char text[30000];
    size_t len;
    memset(text, 'x', sizeof text);
    vitals_enable_logs(&v, 1000);
    for (int i = 0; i < 10; i++) {
        log_one(&v, LEVEL_SUCCESS, 1000 + i, slice_of(text, sizeof text), 1000);
        log_one(&v, LEVEL_FAILURE, 2000 + i, slice_of(text, sizeof text), 1000);
    }
    struct json answer = logs(&v, 3000, &len);
    is_int((long long)json_count(json_get(answer, S("connectionLogs"))), 8, "an answer has a limit");
    ok(len < LOG_MAX_BYTES + 1000, "… of bytes");
    ok(json_text_is(json_pointer(answer, S("/connectionLogs/7/level")), S("failure")),
       "the newest ones are shown");
    is_int(suppressed(answer), 12, "the others are counted");
    vitals_free(&v);
}

/* --- states ------------------------------------------------------------------------------------------------------- */

static void test_places(void)
{
    struct vitals v = {0};
    struct place a = {CATEGORY_SOURCE, 0, 0};
    struct place_state s;
    ok(!reports_place(&v, &in, &a, &s), "nobody told how it is");
    take(
        &v, &in,
        "{\"report\":\"state\",\"from\":\"amqp-in\",\"life\":5,\"category\":\"source\",\"index\":0,\"address\":0,\"state\":\"failed\",\"detail\":\"no such address\"}");
    ok(reports_place(&v, &in, &a, &s) && strcmp(s.state, "failed") == 0 &&
           strcmp(s.detail, "no such address") == 0,
       "it was told, with words");
    ok(!reports_place(&v, &out, &a, &s), "… of one ring");
    take(&v, &in, "{\"report\":\"state\",\"from\":\"ditto-map\",\"life\":6,\"state\":\"connected\"}");
    ok(reports_place(&v, &in, &a, &s), "another program begins another life");
    take(&v, &in, "{\"report\":\"state\",\"from\":\"amqp-in\",\"life\":7,\"state\":\"connected\"}");
    ok(!reports_place(&v, &in, &a, &s), "in the next life it is to be told anew");
    vitals_free(&v);
}

static void test_over(void)
{
    struct vitals v = {0};
    static const char dropped[] = "/targetMetrics/addressMetrics/t/dropped/failure/PT24H";
    take(
        &v, &out,
        "{\"report\":\"meter\",\"from\":\"ditto-map\",\"life\":8,\"category\":\"target\",\"index\":0,\"mapped\":[10,1]}");
    take(
        &v, &out,
        "{\"report\":\"meter\",\"from\":\"amqp-out\",\"life\":9,\"category\":\"target\",\"index\":0,\"published\":[6,1]}");
    take(
        &v, &out,
        "{\"report\":\"meter\",\"from\":\"conn-hub\",\"life\":7,\"category\":\"target\",\"index\":0,\"dispatched\":[11,0]}");
    reports_over(&v, &in);
    is_int(number(metrics(&v), dropped), 0, "another ring is over");
    reports_over(&v, &out);
    is_int(number(metrics(&v), dropped), 3, "what was mapped and has no fate is dropped");
    reports_over(&v, &out);
    take(
        &v, &out,
        "{\"report\":\"meter\",\"from\":\"amqp-out\",\"life\":19,\"category\":\"target\",\"index\":0,\"published\":[1,0]}");
    reports_over(&v, &out);
    is_int(number(metrics(&v), dropped), 3, "… once");
    vitals_free(&v);
}

static void test_rings(void)
{
    struct vitals v = {0};
    vitals_enable_logs(&v, wall_ms());
    reports_ring(&v, &in, "unknown", "");
    reports_ring(&v, &in, "open", "");
    reports_ring(&v, &in, "open", "");
    reports_ring(&v, &in, "failed", "no route");
    reports_ring(&v, &in, "failed", "no route");
    reports_ring(&v, &in, "failed", "refused");
    struct json answer = logs(&v, wall_ms(), NULL);
    is_int((long long)json_count(json_get(answer, S("connectionLogs"))), 3,
           "each change of a ring is an entry");
    ok(json_text_is(json_pointer(answer, S("/connectionLogs/0/category")), S("connection")),
       "… of the connection");
    is_int(suppressed(answer), 0, "… and counted");
    vitals_free(&v);
}

static void count_at(struct vitals *v, enum category category, const char *address, msec now, int64_t wall)
{
    struct cell *c = vitals_cell(v, category, slice_str(address), MEASURE_CONSUMED, LEVEL_SUCCESS);
    windows_add(&c->windows, 1, now, wall);
}

static size_t records(const struct vitals *v)
{
    size_t n = 0;
    for (const struct record *r = v->records; r; r = r->next)
        n++;
    return n;
}

static void test_former_places(void)
{
    enum { DAY_MS = 24 * 3600 * 1000 };
    const msec now = 2 * (msec)DAY_MS;
    struct vitals v = {0};
    char name[16];
    count_at(&v, CATEGORY_SOURCE, "a", 1000, 1);
    count_at(&v, CATEGORY_SOURCE, "a;b", 1000, 1);
    count_at(&v, CATEGORY_TARGET, "t", 1000, 1);
    count_at(&v, CATEGORY_RESPONSE, RESPONSES, 1000, 1);
    count_at(&v, CATEGORY_CONNECTION, "", 1000, 1);
    count_at(&v, CATEGORY_TARGET, "a", 1000, 1); /* a source's name, long ago */
    for (int i = 0; i < FORMER_PLACES + 8; i++) {
        snprintf(name, sizeof name, "former-%d", i);
        count_at(&v, i % 2 ? CATEGORY_SOURCE : CATEGORY_TARGET, name, now,
                 1000 + (i + 20) % (FORMER_PLACES + 8));
    }
    vitals_prune(&v, &connection, now);
    is_int((long long)records(&v), 5 + FORMER_PLACES,
           "the latest former places stay, and all of the document");
    is_int(number(metrics(&v), "/totals/source/a/consumed/success"), 1, "… whenever they counted");
    bool oldest = false, newest = false;
    for (const struct record *r = v.records; r; r = r->next) {
        oldest |= strcmp(r->address, "former-20") == 0; /* at 1000 */
        newest |= strcmp(r->address, "former-19") == 0;
    }
    ok(!oldest && newest, "… those that counted last");
    vitals_prune(&v, &connection, now + DAY_MS + DAY_MS / 24);
    is_int((long long)records(&v), 5, "after a day they are forgotten");
    vitals_free(&v);
}

int main(void)
{
    parse();
    test_lives();
    test_nonsense();
    test_logs();
    test_size();
    test_places();
    test_over();
    test_rings();
    test_former_places();
    connection_free(&connection);
    return done();
}
