/* envelope: the input is a line for ditto-adapt, in either direction. Each line has its answer, of a kind that was promised. */
#include "protocol/adapter.h"

#include "fuzz.h"

static struct adapter *to_signal, *to_protocol;

static void read_whole(struct slice text, struct line *l)
{
    PROMISE(line_read(text, l, NULL) == 0);
}

static void on_member(void *arg, const struct json_member *m)
{
    struct slice *id = arg;
    if (json_key_is(m->key, S("id")))
        *id = line_id(m->value);
}

/* An error message, and the settlement of what had an id, at least before its fault. */
static void check_refusal(struct slice text, struct slice answer)
{
    struct slice id = SLICE_NONE;
    (void)json_each_member(text, on_member, &id, NULL);
    struct line error, settlement;
    read_whole(slice_cut(&answer, '\n'), &error);
    PROMISE(error.kind == LINE_DITTO && !error.id.p);
    int64_t status = 0, settled = 0;
    PROMISE(json_int(error.status, &status) == 0 && status >= 400 && status < 600);
    PROMISE(json_get(error.value, S("error")).type == JSON_STRING &&
            json_get(error.value, S("message")).type == JSON_STRING);
    PROMISE(!id.p == !answer.len);
    if (!answer.len)
        return;
    read_whole(slice_cut(&answer, '\n'), &settlement);
    PROMISE(settlement.kind == LINE_SETTLEMENT && json_int(settlement.status, &settled) == 0 &&
            settled == status && slice_eq(settlement.id, id) && !answer.len);
}

/* Returns whether it was adapted. */
static bool check(struct adapter *a, enum line_kind becomes, struct slice text, struct buf *out)
{
    struct line before, after;
    enum adapter_result r = adapter_take(a, text, out);
    struct slice answer = buf_slice(out);
    PROMISE(answer.len && answer.p[answer.len - 1] == '\n');
    if (r == ADAPT_REFUSED) {
        check_refusal(text, answer);
        return false;
    }
    read_whole(text, &before);
    struct slice line = slice_cut(&answer, '\n');
    PROMISE(!answer.len);
    if (r == ADAPT_PASSED) {
        PROMISE(slice_eq(line, text));
        return false;
    }
    read_whole(line, &after);
    PROMISE(after.kind == becomes && slice_eq(before.id, after.id));
    PROMISE(!json_present(before.context) || slice_eq(json_slice(before.context), json_slice(after.context)));
    return true;
}

/* There and back, and there again: what was adapted once is understood. */
static void check_ways(struct slice text)
{
    struct buf there = {0}, back = {0}, again = {0};
    if (check(to_signal, LINE_SIGNAL, text, &there) &&
        check(to_protocol, LINE_DITTO, slice_trim(buf_slice(&there)), &back))
        (void)check(to_signal, LINE_SIGNAL, slice_trim(buf_slice(&back)), &again);
    buf_cut(&there, 0);
    buf_cut(&back, 0);
    if (check(to_protocol, LINE_DITTO, text, &there))
        (void)check(to_signal, LINE_SIGNAL, slice_trim(buf_slice(&there)), &back);
    buf_free(&there);
    buf_free(&back);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!to_signal) {
        to_signal = adapter_new(ADAPT_TO_SIGNAL);
        to_protocol = adapter_new(ADAPT_TO_PROTOCOL);
    }
    struct slice rest = fuzz_input(data, size), text = slice_cut(&rest, '\n');
    struct buf out = {0};
    check_ways(text);
    adapter_refuse_long(to_signal, text, &out);
    check_refusal(text, buf_slice(&out));
    buf_free(&out);
    return 0;
}
