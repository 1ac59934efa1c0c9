/* conn-ctl: connections from the command line.
 *
 *   conn-ctl [-t SECONDS] VERB [OPTION...] [OPERAND...]
 *
 * Each verb but validate sends commands to conn-store over $CONN_RUN/store.sock and prints the answers on stdout, one
 * JSON object a line (list: one id a line). A refusal is an answer too: its error object {status, error, message,
 * description} is printed and the exit code is 1. stderr is for what prevented an answer: 99 none came in time,
 * 111 the store could not be reached. Nothing is retried but `status -w`, which waits for the connection to be open.
 *
 * Invariant: what is printed has its secrets masked unless -s was given (and the store agreed). */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>

#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "connection/client.h"
#include "connection/connection.h"
#include "base/banned.h"

enum { TIMEOUT_S = 60, DAY_S = 86400 };
#define NO_POSITION ULONG_MAX

static struct {
    unsigned long timeout_s, wait_s, from;
    bool secrets, details, effective;
} set = {.timeout_s = TIMEOUT_S, .from = NO_POSITION};

static struct client store = {.fd = -1};
static struct buf out;

/* --- leaving --- */

static void flush(void)
{
    if (lines_flush(1, &out) < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
}

static void print(struct json v)
{
    json_put_compact(&out, v);
    buf_putc(&out, '\n');
    flush();
}

static _Noreturn void die_without_answer(void)
{
    if (errno == ETIMEDOUT)
        die(EXIT_TIMEOUT, "cannot reach store '%s': no answer within %lu seconds", store.path, set.timeout_s);
    if (errno == ECONNRESET || errno == EPIPE)
        die(EXIT_TEMPORARY, "cannot reach store '%s': it hung up", store.path);
    die_sys(EXIT_TEMPORARY, "cannot reach store '%s'", store.path);
}

/* --- asking --- */

static void open_store(void)
{
    if (store.fd < 0 && client_open(&store, NEVER) < 0)
        die_without_answer();
}

static void ask(const char *command, struct slice member, struct slice raw_value, struct line *answer)
{
    open_store();
    store.deadline = clock_ms() + (msec)set.timeout_s * 1000;
    if (client_ask(&store, command, member, raw_value, set.secrets, answer) < 0)
        die_without_answer();
}

static void ask_about(const char *command, const char *id, struct line *answer)
{
    struct buf quoted = {0};
    json_put_text(&quoted, slice_str(id));
    ask(command, S("connectionId"), buf_slice(&quoted), answer);
    buf_free(&quoted);
}

/* Prints the named member of the signal, the signal itself for "", or the refusal; the latter is a negative answer. */
static int print_answer(const struct line *answer, struct slice member)
{
    struct json refusal = client_refusal(answer);
    if (refusal.type != JSON_ABSENT) {
        print(refusal);
        return EXIT_NEGATIVE;
    }
    print(member.len ? json_get(answer->signal, member) : answer->signal);
    return EXIT_DONE;
}

/* --- documents --- */

static void read_document(const char *path, struct buf *text)
{
    if (io_read_file(path, LINE_MAX_BYTES, text) < 0)
        die_sys(EXIT_TEMPORARY, "cannot read '%s'", path);
}

static int print_problem(const struct ditto_error *e)
{
    ditto_error_put(&out, e, true);
    buf_putc(&out, '\n');
    flush();
    return EXIT_NEGATIVE;
}

static int send_document(const char *command, const char *path, struct slice shown)
{
    struct buf text = {0}, compact = {0};
    struct json v;
    struct json_error bad;
    struct line answer;
    int rc;
    read_document(path, &text);
    if (json_parse(buf_slice(&text), &v, &bad) < 0) {
        struct ditto_error e = {0};
        ditto_fail(&e, 400, "json.invalid", NULL, NULL, "Not JSON: %s at offset %zu.", bad.reason,
                   bad.offset);
        rc = print_problem(&e);
    } else {
        json_put_compact(&compact, v);
        ask(command, S("connection"), buf_slice(&compact), &answer);
        rc = print_answer(&answer, shown);
    }
    buf_wipe(&text);
    buf_wipe(&compact);
    return rc;
}

static int create_one(const char *path)
{
    return send_document("createConnection", path, S("connection"));
}

static int modify_one(const char *path)
{
    return send_document("modifyConnection", path, S(""));
}

/* --- one connection --- */

static int simple(const char *command, const char *id, struct slice shown)
{
    struct line answer;
    ask_about(command, id, &answer);
    return print_answer(&answer, shown);
}

static int delete_one(const char *id)
{
    return simple("deleteConnection", id, S(""));
}

static int open_one(const char *id)
{
    return simple("openConnection", id, S(""));
}

static int close_one(const char *id)
{
    return simple("closeConnection", id, S(""));
}

static int get_one(const char *id)
{
    return simple("retrieveConnection", id, S("connection"));
}

/* Not open yet, but may become so: a live status, or no supervisor to tell one. */
static bool may_open(const struct line *answer)
{
    struct json refusal = client_refusal(answer);
    return refusal.type == JSON_ABSENT ||
           json_text_is(json_get(refusal, S("error")), S("connectivity:connection.unavailable"));
}

/* The store tells nobody about live status, so it is asked again, ever less often. */
static int await_open(const char *id)
{
    enum { DELAY_LEAST_MS = 20, DELAY_MOST_MS = 500 };
    msec until = clock_ms() + (msec)set.wait_s * 1000;
    struct line answer;
    for (int delay = DELAY_LEAST_MS;; delay = delay < DELAY_MOST_MS ? delay * 2 : delay) {
        ask_about("retrieveConnectionStatus", id, &answer);
        if (!may_open(&answer) || json_text_is(json_get(answer.signal, S("liveStatus")), S("open")))
            return print_answer(&answer, S(""));
        msec left = until - clock_ms();
        if (left <= 0)
            break;
        (void)poll(NULL, 0, left < delay ? (int)left : delay);
    }
    (void)print_answer(&answer, S(""));
    return EXIT_TIMEOUT;
}

static int status_one(const char *id)
{
    return set.wait_s ? await_open(id) : simple("retrieveConnectionStatus", id, S(""));
}

/* --- all connections --- */

static int list_ids(void)
{
    struct line answer;
    ask("retrieveAllConnectionIds", SLICE_NONE, SLICE_NONE, &answer);
    if (client_refusal(&answer).type != JSON_ABSENT)
        return print_answer(&answer, S(""));
    struct json_iter it = json_iter(json_get(answer.signal, S("connectionIds")));
    while (json_next(&it)) {
        buf_put_slice(&out, json_raw(it.value));
        buf_putc(&out, '\n');
    }
    flush();
    return EXIT_DONE;
}

static void print_details(struct json connection)
{
    static const char *const shown[] = {"id", "connectionType", "connectionStatus", NULL};
    buf_putc(&out, '{');
    for (size_t i = 0; shown[i]; i++)
        json_put_member(&out, slice_str(shown[i]), json_slice(json_get(connection, slice_str(shown[i]))));
    buf_puts(&out, "}\n");
}

/* What a follower is told first is all connections at one moment, in order of id. */
static int list_details(void)
{
    struct slice text;
    struct json v;
    struct json_error bad;
    open_store();
    store.deadline = clock_ms() + (msec)set.timeout_s * 1000;
    if (client_send(&store, S("{\"follow\":{}}\n")) < 0)
        die_without_answer();
    for (;;) {
        if (client_line(&store, &text) < 0)
            die_without_answer();
        if (json_parse(text, &v, &bad) < 0)
            die(EXIT_TEMPORARY, "cannot read answer of store '%s': %s", store.path, bad.reason);
        if (json_present(json_get(v, S("live"))))
            break;
        if (json_present(json_get(v, S("error")))) {
            print(json_get(v, S("error")));
            return EXIT_NEGATIVE;
        }
        print_details(json_get(json_get(v, S("state")), S("connection")));
    }
    flush();
    return EXIT_DONE;
}

static int list(const char *unused)
{
    (void)unused;
    return set.details ? list_details() : list_ids();
}

/* --- lines as they are --- */

static int follow(const char *unused)
{
    (void)unused;
    struct buf request = {0};
    buf_puts(&request, "{\"follow\":{");
    if (set.from != NO_POSITION)
        json_put_member_int(&request, S("from"), (int64_t)set.from);
    if (set.secrets)
        json_put_member(&request, S("secrets"), S("true"));
    buf_puts(&request, "}}\n");
    open_store();
    if (client_pump(&store, &request, -1, 1) < 0)
        die_without_answer();
    buf_free(&request);
    return EXIT_DONE;
}

static int raw(const char *unused)
{
    (void)unused;
    struct buf request = {0};
    open_store();
    if (client_pump(&store, &request, 0, 1) < 0)
        die_without_answer();
    buf_free(&request);
    return EXIT_DONE;
}

/* --- offline --- */

static void warn_unacknowledged(const struct connection *c, const char *path)
{
    for (size_t i = 0; i < c->n_sources; i++) {
        if (!c->sources[i].ack_includes.n)
            warn(
                "source %zu of '%s' requests no acknowledgements: its messages are settled when they are handed on",
                c->sources[i].index, path);
    }
}

static void print_effective(const struct connection *c)
{
    struct buf document = {0};
    struct json v;
    struct json_error bad;
    connection_put_effective(&document, c);
    if (json_parse(buf_slice(&document), &v, &bad) < 0)
        bug("effective document: %s at %zu", bad.reason, bad.offset);
    connection_put_masked(&out, v);
    buf_putc(&out, '\n');
    flush();
    buf_wipe(&document);
}

static int validate_one(const char *path)
{
    struct buf text = {0};
    struct connection c;
    struct connection_problems problems;
    read_document(path, &text);
    int rc = connection_examine(&c, buf_slice(&text), &problems) < 0 ? EXIT_NEGATIVE : EXIT_DONE;
    for (size_t i = 0; i < problems.n; i++)
        (void)print_problem(&problems.v[i]);
    if (rc == EXIT_DONE) {
        warn_unacknowledged(&c, path);
        if (set.effective)
            print_effective(&c);
        connection_free(&c);
    }
    connection_problems_free(&problems);
    buf_wipe(&text);
    return rc;
}

/* --- verbs --- */

static const struct opt no_opts[] = {OPT_END};
static const struct opt secret_opts[] = {
    {'s', NULL, "with secrets (the store's own user only)", OPT_FLAG, &set.secrets, 0, 0},
    OPT_END,
};
static const struct opt list_opts[] = {
    {'l', NULL, "id, type and desired status as JSON", OPT_FLAG, &set.details, 0, 0},
    OPT_END,
};
static const struct opt status_opts[] = {
    {'w', "SECONDS", "wait that long for the live status open", OPT_NUMBER, &set.wait_s, 1, DAY_S},
    OPT_END,
};
static const struct opt follow_opts[] = {
    {'f', "POSITION", "events after this position only", OPT_NUMBER, &set.from, 0, 0},
    {'s', NULL, "with secrets (the store's own user only)", OPT_FLAG, &set.secrets, 0, 0},
    OPT_END,
};
static const struct opt validate_opts[] = {
    {'p', NULL, "print the effective document of what is valid", OPT_FLAG, &set.effective, 0, 0},
    OPT_END,
};

/* run is called for each operand, or once if the verb takes none; the worst exit code counts. */
static const struct verb {
    struct program program;
    int (*run)(const char *operand);
} verbs[] = {
    {{"conn-ctl create", "FILE...", "creates connections; prints them as stored", NULL, no_opts}, create_one},
    {{"conn-ctl modify", "FILE...", "replaces connections", NULL, no_opts}, modify_one},
    {{"conn-ctl delete", "ID...", "deletes connections", NULL, no_opts}, delete_one},
    {{"conn-ctl open", "ID...", "wants connections open", NULL, no_opts}, open_one},
    {{"conn-ctl close", "ID...", "wants connections closed", NULL, no_opts}, close_one},
    {{"conn-ctl get", "ID...", "prints connections", NULL, secret_opts}, get_one},
    {{"conn-ctl list", "", "prints the ids of all connections", NULL, list_opts}, list},
    {{"conn-ctl status", "ID...", "prints desired and live status", NULL, status_opts}, status_one},
    {{"conn-ctl follow", "", "prints all connections, then every event", NULL, follow_opts}, follow},
    {{"conn-ctl raw", "", "sends lines of stdin as they are, prints the answers", NULL, no_opts}, raw},
    {{"conn-ctl validate", "FILE...", "prints what is wrong with connections; needs no store", NULL,
      validate_opts},
     validate_one},
};
enum { VERBS = sizeof(verbs) / sizeof(*verbs), NAME_AT = sizeof("conn-ctl ") - 1 };

static const struct opt opts[] = {
    {'t', "SECONDS", "wait that long for an answer (60)", OPT_NUMBER, &set.timeout_s, 1, DAY_S},
    OPT_END,
};

static const struct verb *verb_named(const char *name)
{
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(verbs[i].program.name + NAME_AT, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

static const char *summary(void)
{
    static struct buf text;
    buf_puts(&text, "manages connections; VERB is one of\n");
    for (size_t i = 0; i < VERBS; i++)
        buf_printf(&text, "\n  %-8s %-7s  %s", verbs[i].program.name + NAME_AT, verbs[i].program.operands,
                   verbs[i].program.summary);
    return buf_z(&text);
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
    int at = opt_parse(&verb->program, argc, argv), worst = EXIT_DONE;
    bool operands = verb->program.operands[0];
    if (operands != (at < argc))
        opt_usage(&verb->program, operands ? "no operand" : "too many operands");
    log_init("conn-ctl", NULL);
    for (int i = at; i < argc || i == at; i++) {
        int rc = verb->run(argv[i]);
        worst = rc > worst ? rc : worst;
    }
    return worst;
}

int main(int argc, char **argv)
{
    io_init();
    const struct program program = {"conn-ctl", "VERB [OPERAND...]", summary(), NULL, opts};
    int at = opt_parse(&program, argc, argv);
    const struct verb *verb = at < argc ? verb_named(argv[at]) : NULL;
    if (!verb)
        opt_usage(&program, at < argc ? "unknown verb" : "no verb");
    int rc = run_verb(verb, argc - at, argv + at);
    client_close(&store);
    buf_free(&out);
    if (io_close_stdout() < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    return rc;
}
