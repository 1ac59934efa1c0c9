#include "ctl/compare.h"

#include "ctl/diff.h"
#include "ctl/document.h"
#include "ctl/validate.h"

#include "base/log.h"
#include "base/banned.h"

static int side_of_file(struct ctl *ctl, struct side *s, const char *path)
{
    struct buf document = {0};
    int rc = effective_of_file(ctl, path, &document);
    if (rc == 0)
        side_init(s, (struct json){JSON_OBJECT, buf_p(&document), document.len});
    buf_wipe(&document);
    return rc;
}

static int side_of_id(struct ctl *ctl, struct side *s, const char *id)
{
    struct line answer;
    ctl_ask_about(ctl, "retrieveConnection", slice_str(id), true, &answer);
    struct json refusal = client_refusal(&answer);
    if (refusal.type != JSON_ABSENT) {
        ctl_print(ctl, refusal);
        return -1;
    }
    side_init(s, json_get(answer.signal, S("connection")));
    return 0;
}

static int side_of(struct ctl *ctl, struct side *s, const char *operand)
{
    return document_is_path(operand) ? side_of_file(ctl, s, operand) : side_of_id(ctl, s, operand);
}

static void put_value(struct buf *dst, struct json v)
{
    if (v.type == JSON_ABSENT)
        buf_puts(dst, "absent");
    else
        json_put_compact(dst, v);
}

static void put_difference(void *arg, struct slice pointer, struct json a, struct json b)
{
    struct buf *out = arg;
    json_put_escaped(out, pointer);
    buf_puts(out, ": ");
    put_value(out, a);
    buf_puts(out, " → ");
    put_value(out, b);
    buf_putc(out, '\n');
}

int compare_operands(struct ctl *ctl, const char *a, const char *b)
{
    struct side one = {0}, other = {0};
    int rc = EXIT_NEGATIVE;
    bool both = side_of(ctl, &one, a) == 0;
    both = side_of(ctl, &other, b) == 0 && both;
    if (both && !side_compare(&one, &other, put_difference, &ctl->out))
        rc = EXIT_DONE;
    ctl_flush(ctl);
    side_free(&one);
    side_free(&other);
    return rc;
}
