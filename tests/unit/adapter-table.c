/* adapter-table: the table of signals: which topics lead to which family, which statuses an answer may have; and the registry
 * of errors. */
#include "protocol/adapter.h"
#include "protocol/errors.h"
#include "protocol/table.h"

#include "same.h"
#include "vectors.h"

/* Every type stands once, is found by its name, and its topic and path by what they print. */
static void rows_are_sound(void)
{
    size_t n, bad = 0;
    const struct signal_row *rows = table_rows(&n);
    for (size_t i = 0; i < n; i++)
        bad += row_of_type(slice_str(rows[i].type)) != &rows[i];
    is_int((long long)bad, 0, "each of %zu signals is found by its type", n);
    ok(row_of_type(S("things.commands:modifyNothing")) == NULL, "an unknown one is not");
}

static void errors_are_sorted(void)
{
    size_t n, bad = 0;
    const struct error_kind *kinds = error_kinds(&n);
    for (size_t i = 1; i < n; i++)
        bad += slice_cmp(slice_str(kinds[i - 1].code), slice_str(kinds[i].code)) >= 0;
    is_int((long long)bad, 0, "%zu codes are in order", n);
}

static bool resolve_holds(struct json row)
{
    struct topic t;
    struct ditto_error err = {0};
    struct slice want = row_text(row, "adapter");
    const struct family *f = NULL;
    if (topic_parse(row_text(row, "topic"), &t, &err) == 0)
        f = family_of(&t, json_get(row, S("response")).type == JSON_TRUE);
    if (!want.p)
        return f == NULL;
    return f && slice_ends(want, S("Adapter")) &&
           slice_eq(slice_str(f->name), slice_of(want.p, want.len - 7));
}

/* "201,204", "any(500)", "any(500) -> [200]": bits, and the fixed status. */
static unsigned statuses_of(struct slice text, int *fixed)
{
    unsigned bits = 0;
    struct slice rest = text, head = slice_cut(&rest, '>');
    if (rest.p) {
        struct json v = json_of(slice_trim(rest));
        int64_t n = 0;
        json_int(json_at(v, 0), &n);
        *fixed = (int)n;
        head.len--; /* the dash of the arrow */
    }
    while (head.p && head.len) {
        struct slice one = slice_trim(slice_cut(&head, ','));
        bits |= slice_starts(one, S("any")) ? STATUS_EVERY
                : slice_eq(one, S("200"))   ? STATUS_200
                : slice_eq(one, S("201"))   ? STATUS_201
                : slice_eq(one, S("204"))   ? STATUS_204
                                            : 0;
    }
    return bits;
}

static bool status_holds(struct json row)
{
    const struct signal_row *r = row_of_type(row_text(row, "type"));
    int fixed = 0;
    unsigned with = statuses_of(row_text(row, "withValue"), &fixed),
             without = statuses_of(row_text(row, "withoutValue"), &fixed);
    if (!r)
        return false;
    if (r->form == FORM_ERROR || r->form == FORM_MIGRATE_RESPONSE) /* what is sent says which */
        fixed = 0, without = r->without;
    return r->with == with && r->without == without && r->status == fixed;
}

static bool error_holds(struct json row)
{
    const struct error_kind *k = error_kind(row_text(row, "error"));
    int64_t status = 0;
    json_int(json_get(row, S("status")), &status);
    bool from_json = json_get(row, S("statusFromJson")).type == JSON_TRUE;
    return k && k->status == status && from_json == !!(k->flags & ERROR_ANY_STATUS) &&
           row_is(row, "origin", "service") == !!(k->flags & ERROR_OF_SERVICE);
}

int main(void)
{
    rows_are_sound();
    errors_are_sorted();
    each_row("resolve.ndjson", resolve_holds);
    each_row("response-status.ndjson", status_holds);
    each_row("errors.ndjson", error_holds);
    return done();
}
