/* jq.c: the JQ mapper, our own: programs of jq as payload mapping. How one runs: jq_run.c. */
#include "mapping/mapper.h"

#include "base/banned.h"

int jq_configure(struct mapper *m, struct json options, enum way way, struct scripts *scripts,
                 struct ditto_error *err)
{
    struct buf scratch = {0};
    struct json program = json_get(options, way == WAY_IN ? S("incoming") : S("outgoing"));
    int r = mapper_script(m, header_text(program, &scratch), way, scripts, err);
    buf_free(&scratch);
    return r;
}
