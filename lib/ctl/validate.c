#include "ctl/validate.h"

#include "connection/control.h"
#include "connection/legacy.h"
#include "ctl/advice.h"
#include "ctl/document.h"

#include "base/log.h"
#include "base/banned.h"

/* 0, or -1 with the problems printed. */
static int judge_file(struct ctl *ctl, struct connection *c, const char *path, bool legacy)
{
    struct buf text = {0}, current = {0};
    struct json v;
    struct connection_problems problems;
    document_read(path, &text);
    if (legacy && json_parse(buf_slice(&text), &v, NULL) == 0)
        connection_put_migrated(&current, v);
    int rc = connection_judge(c, buf_slice(current.len ? &current : &text), &problems);
    for (size_t i = 0; i < problems.n; i++)
        ctl_print_problem(ctl, &problems.v[i]);
    connection_problems_free(&problems);
    buf_wipe(&text);
    buf_wipe(&current);
    return rc;
}

static void print_effective(struct ctl *ctl, const struct connection *c)
{
    struct buf document = {0};
    connection_put_effective(&document, c);
    connection_put_masked(&ctl->out, (struct json){JSON_OBJECT, buf_p(&document), document.len});
    buf_putc(&ctl->out, '\n');
    ctl_flush(ctl);
    buf_wipe(&document);
}

int validate_file(struct ctl *ctl, const char *path, struct validate how)
{
    struct connection c;
    if (judge_file(ctl, &c, path, how.legacy) < 0)
        return EXIT_NEGATIVE;
    advise(&c, path);
    if (how.effective)
        print_effective(ctl, &c);
    connection_free(&c);
    return EXIT_DONE;
}

int effective_of_file(struct ctl *ctl, const char *path, struct buf *dst)
{
    struct connection c;
    if (judge_file(ctl, &c, path, false) < 0)
        return -1;
    connection_put_effective(dst, &c);
    connection_free(&c);
    return 0;
}
