/* jq.c: the JQ mapper, our own: programs of jq as payload mapping. How one runs: jq_run.c. */
#include "mapping/mapper.h"

#include "base/banned.h"

static int configure(struct mapper *m, struct json options, enum way way, struct scripts *scripts,
                     struct ditto_error *err)
{
    struct buf scratch = {0};
    struct json program = json_get(options, way == WAY_IN ? S("incoming") : S("outgoing"));
    struct slice text = header_text(program, &scratch);
    int r = 0;
    if (text.len > SCRIPT_MAX_BYTES)
        r = ditto_fail(err, 400, "connectivity:message.mapper.config.invalid", NULL, NULL,
                       "The program of the mapper <%.*s> is longer than %d bytes.", SLICE_ARG(m->id),
                       SCRIPT_MAX_BYTES);
    else if (slice_trim(text).len)
        mapper_script(m, text, way, LANGUAGE_JQ, scripts);
    buf_free(&scratch);
    return r;
}

const struct engine mapper_jq = {
    .alias = "JQ",
    .needs_definition = true,
    .configure = configure,
    .incoming = ditto_incoming, /* without a program of that way */
    .outgoing = ditto_outgoing,
};
