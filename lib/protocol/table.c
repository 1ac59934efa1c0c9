/* table.c: finding rows, and listing them. */
#include <stdint.h>

#include "protocol/table_rows.h"

#include "base/banned.h"

/* --- indexes ---------------------------------------------------------------------------------------------------- */

enum { N_ACTIONS = ACTION_ERROR + 1 };

static unsigned short by_place[FAMILIES][N_ACTIONS][SHAPES]; /* row + 1; 0: none */
static unsigned short by_type[TABLE_TYPE_SLOTS];
static unsigned actions_of[FAMILIES]; /* bits */
static bool indexed;

/* Eight bytes at a time: types are long. */
static unsigned hash_of(struct slice s)
{
    uint64_t h = s.len;
    for (; s.len; s = slice_skip(s, 8)) {
        uint64_t x = 0;
        memcpy(&x, s.p, s.len < 8 ? s.len : 8);
        h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return (unsigned)h;
}

static unsigned short *slot_of(struct slice type)
{
    unsigned i = hash_of(type) % TABLE_TYPE_SLOTS;
    while (by_type[i] && !slice_eq(row_type(&table_all_rows[by_type[i] - 1]), type))
        i = (i + 1) % TABLE_TYPE_SLOTS;
    return &by_type[i];
}

static void index_rows(void)
{
    for (unsigned i = 0; i < FAMILIES; i++)
        actions_of[i] = table_families[i].also == ACTION_NONE ? 0 : 1U << table_families[i].also;
    for (unsigned i = 0; i < table_n_rows; i++) {
        const struct signal_row *r = &table_all_rows[i];
        *slot_of(row_type(r)) = (unsigned short)(i + 1);
        if (r->flags & ROW_OUT_ONLY)
            continue;
        unsigned f = (unsigned)(r->family - table_families);
        actions_of[f] |= 1U << r->action;
        unsigned short *place = &by_place[f][r->action][r->shape];
        if (!*place)
            *place = (unsigned short)(i + 1);
    }
    indexed = true;
}

static bool has_sign(const struct family *f, const struct topic *t)
{
    switch (f->sign) {
    case SIGN_WILD_NAME: return slice_eq(t->name, S("_"));
    case SIGN_TAME_NAME: return !slice_eq(t->name, S("_"));
    case SIGN_SUBJECT: return t->subject.len > 0;
    case SIGN_NO_SUBJECT: return t->subject.len == 0;
    case SIGN_NONE: break;
    }
    return true;
}

const struct family *family_of(const struct topic *t, bool has_status)
{
    if (!indexed)
        index_rows();
    for (unsigned i = 0; i < FAMILIES; i++) {
        const struct family *f = &table_families[i];
        if (f->criterion == t->criterion && f->groups >> t->group & 1 && f->channels >> t->channel & 1 &&
            actions_of[i] >> t->verb & 1 &&
            (f->status == STATUS_ANY || (f->status == STATUS_WITH) == has_status) && has_sign(f, t))
            return f;
    }
    return NULL;
}

/* Announcements have no action: their subject tells them apart. */
static const struct signal_row *row_of_subject(const struct family *f, struct slice subject)
{
    for (unsigned i = 0; i < table_n_rows; i++)
        if (table_all_rows[i].family == f && slice_eq(slice_str(table_all_rows[i].subject), subject))
            return &table_all_rows[i];
    return NULL;
}

const struct signal_row *row_of(const struct family *f, const struct topic *t, enum shape s)
{
    if (f->criterion == CRITERION_ANNOUNCEMENTS)
        return row_of_subject(f, t->subject);
    bool by_shape = f->path == PATH_BY_ROW || f->path == PATH_OF_MESSAGE;
    unsigned i = by_place[f - table_families][t->verb][by_shape ? s : SHAPE_ROOT];
    return i ? &table_all_rows[i - 1] : NULL;
}

const struct signal_row *row_of_type(struct slice type)
{
    if (!indexed)
        index_rows();
    unsigned i = *slot_of(type);
    return i ? &table_all_rows[i - 1] : NULL;
}

const struct signal_row *table_rows(size_t *n)
{
    *n = table_n_rows;
    return table_all_rows;
}

/* --- listing ---------------------------------------------------------------------------------------------------- */

static void put_group(struct buf *dst, const struct family *f)
{
    const char *channel = f->channels == BOTH ? "/(twin|live)" : f->channels == CH_LIVE ? "/live" : "";
    if (f->groups == (THINGS | POLICIES | CONNECTIONS)) {
        buf_puts(dst, "(things/twin|policies|connections)");
        return;
    }
    buf_puts(dst, topic_group_text(f->groups & THINGS     ? GROUP_THINGS
                                   : f->groups & POLICIES ? GROUP_POLICIES
                                                          : GROUP_CONNECTIONS));
    buf_puts(dst, channel);
}

static void put_entity(struct buf *dst, const struct signal_row *row)
{
    bool nameless = row->form == FORM_SEARCH || row->form == FORM_SEARCH_EVENT || row->form == FORM_CHECK ||
                    row->form == FORM_CHECK_RESPONSE || row->family == &table_families[SEARCH_ERROR];
    if (nameless)
        buf_puts(dst, "_/_/");
    else if (row->family->sign == SIGN_WILD_NAME)
        buf_puts(dst, "{namespace}/_/");
    else
        buf_puts(dst, row->family->groups == CONNECTIONS ? "_/{name}/" : "{namespace}/{name}/");
}

static const char *last_part(const struct signal_row *row)
{
    switch (row->form) {
    case FORM_MESSAGE:
    case FORM_MESSAGE_RESPONSE: return strstr(row->type, "claim") ? "claim" : "{subject...}";
    case FORM_ACK: return "{label}";
    default: return row->subject ? row->subject : topic_action_text(row->action);
    }
}

void table_put_topic(struct buf *dst, const struct signal_row *row)
{
    put_entity(dst, row);
    put_group(dst, row->family);
    buf_putc(dst, '/');
    buf_puts(dst, topic_criterion_text(row->family->criterion));
    if (*last_part(row)) {
        buf_putc(dst, '/');
        buf_puts(dst, last_part(row));
    }
}

const char *table_path_text(const struct signal_row *row)
{
    if (row->form == FORM_MERGE || row->form == FORM_MERGED)
        return "*";
    return shape_text(row->shape);
}
