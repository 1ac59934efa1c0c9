/* http.c: rules of HTTP connections. Source: Ditto, "HTTP 1.1 protocol binding". */
#include "connection/rules.h"
#include "connection/specific.h"

#include "base/banned.h"

static bool is_one_of(struct slice s, const char *const *names)
{
    for (; *names; names++) {
        if (slice_eq(s, slice_str(*names)))
            return true;
    }
    return false;
}

/* "VERB:path"; the path may be empty. */
const char *http_target_address(struct slice address)
{
    static const char *const verbs[] = {"PUT", "PATCH", "POST", "GET", "DELETE", NULL};
    struct slice path = address, verb = slice_cut(&path, ':');
    bool known = path.p && is_one_of(verb, verbs);
    return known ? NULL : "it must have the form VERB:/path with one of PUT, PATCH, POST, GET, DELETE";
}

static void idle_timeout(const struct connection *c, struct connection_problems *p)
{
    enum { IDLE_MAX_S = 60 };
    int64_t ms = 0;
    int rc = specific_duration_ms(c, "idleTimeout", &ms);
    if (rc < 0 || ms < 0 || ms > IDLE_MAX_S * 1000)
        PROBLEM(p, specific_at("idleTimeout"), CONFIG_INVALID, NULL,
                "The idle timeout must be 0 to %d seconds.", IDLE_MAX_S);
}

static void parallelism(const struct connection *c, struct connection_problems *p)
{
    int64_t n = 1;
    int rc = specific_int(c, "parallelism", &n);
    if (rc < 0 || n <= 0 || n > INT32_MAX)
        PROBLEM(p, specific_at("parallelism"), CONFIG_INVALID, NULL,
                "The 'parallelism' must be a positive integer.");
}

static void omit_request_body(const struct connection *c, struct connection_problems *p)
{
    static const char *const methods[] = {"CONNECT", "DELETE", "GET", "HEAD",  "OPTIONS",
                                          "PATCH",   "POST",   "PUT", "TRACE", NULL};
    struct slice rest = connection_specific(c, S("omitRequestBody")), item;
    while (list_next(&rest, &item)) {
        if (item.len && !is_one_of(item, methods))
            PROBLEM(p, specific_at("omitRequestBody"), CONFIG_INVALID,
                    "It is a list of methods in capitals, with commas and no blanks between them.",
                    "There is no HTTP method '%.*s'.", SLICE_ARG(item));
    }
}

void http_check(const struct connection *c, struct connection_problems *p)
{
    idle_timeout(c, p);
    parallelism(c, p);
    omit_request_body(c, p);
}
