/* conn-ctl: connections from the command line.
 *
 *   conn-ctl [-a] [-t SECONDS] VERB [OPTION...] [OPERAND...]
 *
 * Each verb but validate, and diff and map of files, sends commands to conn-store over $CONN_RUN/store.sock and prints the answers on
 * stdout, one JSON object a line (list: one id a line; diff: one difference a line). A refusal is an answer too: its error
 * object {status, error, message, description} is printed and the exit code is 1. stderr is for what prevented an answer: 99
 * none came in time, 111 the store could not be reached. Nothing is retried but `status -w`, which waits for the connection
 * to be open.
 *
 * Invariant: what is printed has its secrets masked unless -s was given (and the store agreed). */
#include <limits.h>

#include "base/io.h"
#include "base/log.h"
#include "base/opt.h"
#include "ctl/apply.h"
#include "ctl/await.h"
#include "ctl/compare.h"
#include "ctl/dry_run.h"
#include "ctl/list.h"
#include "ctl/top.h"
#include "ctl/trial.h"
#include "ctl/validate.h"
#include "base/banned.h"

enum { TIMEOUT_S = 60, DAY_S = 86400 };
#define NO_NUMBER ULONG_MAX

static struct {
    unsigned long wait_s, from, revision;
    const char *time, *fields, *tag;
    bool secrets, details, reset, enable;
    struct top top;
    struct validate validate;
    struct apply apply;
    struct dry_run dry_run;
} set = {.dry_run.index = DRY_RUN_ANY, .from = NO_NUMBER, .revision = NO_NUMBER, .top.interval_s = 2};

static struct ctl ctl = {.timeout_s = TIMEOUT_S, .store = {.fd = -1}};

/* A verb is run for each operand, or once if it takes none; the worst exit code counts. One with run_all gets them all. */
struct verb {
    struct program program;
    int (*run)(const struct verb *verb, const char *operand);
    const char *command,
        *shown; /* what it sends; the member of the answer that it prints, "" for the whole */
    int (*run_all)(int n, char **operands);
};

/* --- commands with a document, or about one connection --- */

static int document_verb(const struct verb *verb, const char *path)
{
    struct buf text = {0}, members = {0};
    struct json v;
    struct line answer;
    int rc = document_parse(&ctl, path, &text, &v);
    if (rc == EXIT_DONE) {
        json_put_key(&members, S("connection"));
        json_put_compact(&members, v);
        ctl_ask(&ctl, &(struct request){.command = verb->command, .members = buf_slice(&members)}, &answer);
        rc = ctl_print_answer(&ctl, &answer, slice_str(verb->shown));
    }
    buf_wipe(&text);
    buf_wipe(&members);
    return rc;
}

static int test(const struct verb *verb, const char *operand)
{
    (void)verb;
    return trial(&ctl, operand);
}

static int ask_about(const char *command, const char *id, const char *shown)
{
    struct line answer;
    ctl_ask_about(&ctl, command, slice_str(id), false, &answer);
    return ctl_print_answer(&ctl, &answer, slice_str(shown));
}

static int id_verb(const struct verb *verb, const char *id)
{
    return ask_about(verb->command, id, verb->shown);
}

static int metrics(const struct verb *verb, const char *id)
{
    return ask_about(set.reset ? "resetConnectionMetrics" : verb->command, id, "");
}

static int logs(const struct verb *verb, const char *id)
{
    return ask_about(set.reset    ? "resetConnectionLogs"
                     : set.enable ? "enableConnectionLogs"
                                  : verb->command,
                     id, "");
}

static int get(const struct verb *verb, const char *id)
{
    struct buf members = {0}, headers = {0};
    struct line answer;
    json_put_member_text(&members, S("connectionId"), slice_str(id));
    if (set.fields)
        json_put_member_text(&members, S("selectedFields"), slice_str(set.fields));
    if (set.revision != NO_NUMBER)
        json_put_member_int(&headers, S("at-historical-revision"), (int64_t)set.revision);
    if (set.time)
        json_put_member_text(&headers, S("at-historical-timestamp"), slice_str(set.time));
    const struct request r = {verb->command, buf_slice(&members), buf_slice(&headers), set.secrets};
    ctl_ask(&ctl, &r, &answer);
    buf_free(&members);
    buf_free(&headers);
    return ctl_print_answer(&ctl, &answer, slice_str(verb->shown));
}

static int status(const struct verb *verb, const char *id)
{
    return set.wait_s ? await_open(&ctl, id, set.wait_s) : id_verb(verb, id);
}

/* --- all connections --- */

static int list(const struct verb *verb, const char *unused)
{
    (void)verb, (void)unused;
    return set.details ? list_details(&ctl, set.tag) : list_ids(&ctl, set.tag);
}

static int top(const struct verb *verb, const char *unused)
{
    (void)verb, (void)unused;
    return top_run(&ctl, &set.top);
}

/* --- lines as they are --- */

static int pump(struct buf *request, int in)
{
    ctl_open(&ctl);
    if (client_pump(&ctl.store, request, in, 1) < 0)
        ctl_die_without_answer(&ctl);
    buf_free(request);
    return EXIT_DONE;
}

static int follow(const struct verb *verb, const char *unused)
{
    (void)verb, (void)unused;
    struct buf request = {0};
    buf_puts(&request, "{\"follow\":{");
    if (set.from != NO_NUMBER)
        json_put_member_int(&request, S("from"), (int64_t)set.from);
    if (set.secrets)
        json_put_member(&request, S("secrets"), S("true"));
    buf_puts(&request, "}}\n");
    return pump(&request, -1);
}

static int raw(const struct verb *verb, const char *unused)
{
    (void)verb, (void)unused;
    struct buf request = {0};
    return pump(&request, 0);
}

/* --- documents --- */

static int validate(const struct verb *verb, const char *path)
{
    (void)verb;
    return validate_file(&ctl, path, set.validate);
}

static int map(int n, char **operands)
{
    if (n != 1)
        die(EXIT_PERMANENT, "cannot map: one connection is needed");
    if (set.dry_run.in && set.dry_run.out)
        die(EXIT_PERMANENT, "cannot map: -i and -o exclude each other");
    if (strcmp(operands[0], "-") == 0)
        die(EXIT_PERMANENT, "cannot map: messages come from stdin, so the connection cannot");
    set.dry_run.out = set.dry_run.out || set.dry_run.reply;
    return dry_run(&ctl, operands[0], set.dry_run);
}

static int diff(int n, char **operands)
{
    if (n != 2)
        die(EXIT_PERMANENT, "cannot compare: two connections are needed");
    return compare_operands(&ctl, operands[0], operands[1]);
}

static int apply(int n, char **operands)
{
    struct documents d = {0};
    for (int i = 0; i < n; i++)
        documents_add(&d, operands[i]);
    int rc = apply_documents(&ctl, &d, set.apply);
    documents_free(&d);
    return rc;
}

/* --- verbs --- */

static const struct opt no_opts[] = {OPT_END};
static const struct opt change_opts[] = {
    {'a', NULL, "answer when it is stored: do not wait for what becomes of it", OPT_FLAG, &ctl.at_once, 0, 0},
    OPT_END,
};
static const struct opt get_opts[] = {
    {'s', NULL, "with secrets (the store's own user only)", OPT_FLAG, &set.secrets, 0, 0},
    {'f', "FIELDS", "only these, as a field selector", OPT_STRING, &set.fields, 0, 0},
    {'r', "REVISION", "as it was at this revision", OPT_NUMBER, &set.revision, 1, 0},
    {'d', "TIME", "as it was at this time (ISO 8601)", OPT_STRING, &set.time, 0, 0},
    OPT_END,
};
static const struct opt list_opts[] = {
    {'l', NULL, "id, name, type, desired status and tags as JSON", OPT_FLAG, &set.details, 0, 0},
    {'g', "TAG", "only those with this tag", OPT_STRING, &set.tag, 0, 0},
    OPT_END,
};
static const struct opt status_opts[] = {
    {'p', NULL, "as text for people", OPT_FLAG, &ctl.plain, 0, 0},
    {'w', "SECONDS", "wait that long for the live status open", OPT_NUMBER, &set.wait_s, 1, DAY_S},
    OPT_END,
};
static const struct opt metrics_opts[] = {
    {'p', NULL, "as text for people", OPT_FLAG, &ctl.plain, 0, 0},
    {'r', NULL, "reset them instead", OPT_FLAG, &set.reset, 0, 0},
    OPT_END,
};
static const struct opt logs_opts[] = {
    {'p', NULL, "as text for people", OPT_FLAG, &ctl.plain, 0, 0},
    {'e', NULL, "enable logging instead", OPT_FLAG, &set.enable, 0, 0},
    {'r', NULL, "reset the logs instead", OPT_FLAG, &set.reset, 0, 0},
    OPT_END,
};
static const struct opt top_opts[] = {
    {'i', "SECONDS", "time between two screens (2)", OPT_NUMBER, &set.top.interval_s, 1, 3600},
    {'n', "N", "end after so many screens", OPT_NUMBER, &set.top.screens, 1, 0},
    OPT_END,
};
static const struct opt follow_opts[] = {
    {'f', "POSITION", "events after this position only", OPT_NUMBER, &set.from, 0, 0},
    {'s', NULL, "with secrets (the store's own user only)", OPT_FLAG, &set.secrets, 0, 0},
    OPT_END,
};
static const struct opt validate_opts[] = {
    {'p', NULL, "print the effective document of what is valid", OPT_FLAG, &set.validate.effective, 0, 0},
    {'l', NULL, "they come from Ditto's journal, perhaps an old one", OPT_FLAG, &set.validate.legacy, 0, 0},
    OPT_END,
};
static const struct opt map_opts[] = {
    {'i', NULL, "messages are external ones: from an address", OPT_FLAG, &set.dry_run.in, 0, 0},
    {'o', NULL, "messages are Ditto Protocol: to a target", OPT_FLAG, &set.dry_run.out, 0, 0},
    {'r', NULL, "to the reply target of the source", OPT_FLAG, &set.dry_run.reply, 0, 0},
    {'k', "N", "the source or target, counted from 0", OPT_NUMBER, &set.dry_run.index, 0, 1000},
    {'j', NULL, "print the steps as JSON", OPT_FLAG, &set.dry_run.raw, 0, 0},
    OPT_END,
};
static const struct opt apply_opts[] = {
    {'a', NULL, "do not wait for what becomes of a change", OPT_FLAG, &ctl.at_once, 0, 0},
    {'n', NULL, "only print what would be done", OPT_FLAG, &set.apply.dry_run, 0, 0},
    {'P', NULL, "delete connections that no file describes (--prune)", OPT_FLAG, &set.apply.prune, 0, 0},
    OPT_END,
};

#define VERB(name, operands, summary, opts)                                                                  \
    {                                                                                                        \
        "conn-ctl " name, operands, summary, NULL, opts                                                      \
    }

static const struct verb verbs[] = {
    {.program = VERB("create", "FILE...", "creates connections; prints them as stored", no_opts),
     .run = document_verb,
     .command = "createConnection",
     .shown = "connection"},
    {.program = VERB("modify", "FILE...", "replaces connections", change_opts),
     .run = document_verb,
     .command = "modifyConnection",
     .shown = ""},
    {.program = VERB("test", "ID|FILE...", "tries whether connections could be opened", no_opts),
     .run = test},
    {.program = VERB("delete", "ID...", "deletes connections", no_opts),
     .run = id_verb,
     .command = "deleteConnection",
     .shown = ""},
    {.program = VERB("open", "ID...", "wants connections open", change_opts),
     .run = id_verb,
     .command = "openConnection",
     .shown = ""},
    {.program = VERB("close", "ID...", "wants connections closed", change_opts),
     .run = id_verb,
     .command = "closeConnection",
     .shown = ""},
    {.program = VERB("get", "ID...", "prints connections, as they are or were", get_opts),
     .run = get,
     .command = "retrieveConnection",
     .shown = "connection"},
    {.program = VERB("list", "", "prints the ids of all connections", list_opts), .run = list},
    {.program = VERB("status", "ID...", "prints desired and live status", status_opts),
     .run = status,
     .command = "retrieveConnectionStatus",
     .shown = ""},
    {.program = VERB("metrics", "ID...", "prints metrics", metrics_opts),
     .run = metrics,
     .command = "retrieveConnectionMetrics",
     .shown = ""},
    {.program = VERB("logs", "ID...", "prints the logs of connections", logs_opts),
     .run = logs,
     .command = "retrieveConnectionLogs",
     .shown = ""},
    {.program = VERB("top", "", "shows how all connections are, live on a terminal", top_opts), .run = top},
    {.program = VERB("follow", "", "prints all connections, then every event", follow_opts), .run = follow},
    {.program = VERB("raw", "", "sends lines of stdin as they are, prints the answers", no_opts), .run = raw},
    {.program =
         VERB("validate", "FILE...", "prints what is wrong with connections; needs no store", validate_opts),
     .run = validate},
    {.program = VERB("map", "ID|FILE", "prints step by step how messages of stdin are mapped", map_opts),
     .run_all = map},
    {.program = VERB("diff", "A B", "prints how two connections, files or ids, differ", no_opts),
     .run_all = diff},
    {.program = VERB("apply", "DIR|FILE...", "creates and modifies connections as files say", apply_opts),
     .run_all = apply},
};
enum { VERBS = sizeof(verbs) / sizeof(*verbs), NAME_AT = sizeof("conn-ctl ") - 1 };

static const struct opt opts[] = {
    {'t', "SECONDS", "wait that long for an answer (60)", OPT_NUMBER, &ctl.timeout_s, 1, DAY_S},
    {'a', NULL, "do not wait for what becomes of a change", OPT_FLAG, &ctl.at_once, 0, 0},
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
        buf_printf(&text, "\n  %-8s %-11s  %s", verbs[i].program.name + NAME_AT, verbs[i].program.operands,
                   verbs[i].program.summary);
    return buf_z(&text);
}

/* What deletes is worth its long name. */
static void shorten(int argc, char **argv)
{
    static char prune[] = "-P";
    for (int i = 1; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--prune") == 0)
            argv[i] = prune;
    }
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
    shorten(argc, argv);
    int at = opt_parse(&verb->program, argc, argv), worst = EXIT_DONE;
    bool operands = verb->program.operands[0];
    if (operands != (at < argc))
        opt_usage(&verb->program, operands ? "no operand" : "too many operands");
    log_init("conn-ctl", NULL);
    if (verb->run_all)
        return verb->run_all(argc - at, argv + at);
    for (int i = at; i < argc || i == at; i++) {
        int rc = verb->run(verb, argv[i]);
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
    client_close(&ctl.store);
    buf_free(&ctl.out);
    if (io_close_stdout() < 0)
        die_sys(EXIT_TEMPORARY, "cannot write 'stdout'");
    return rc;
}
