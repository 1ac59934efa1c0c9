/* content_type.c: classes of payloads. */
#include "protocol/content_type.h"

#include "base/banned.h"

static bool starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq_nocase(slice_of(s.p, prefix.len), prefix);
}

/* Is it the name itself, or something, "+" and the name? */
static bool is_kind_of(struct slice subtype, struct slice name)
{
    if (slice_eq_nocase(subtype, name))
        return true;
    if (subtype.len < name.len + 2)
        return false;
    size_t at = subtype.len - name.len;
    return subtype.p[at - 1] == '+' && slice_eq_nocase(slice_skip(subtype, at), name);
}

static struct slice without_parameters(struct slice content_type)
{
    return slice_cut(&content_type, ';');
}

enum content_class content_class_of(struct slice content_type)
{
    struct slice type = without_parameters(content_type);
    if (starts(type, S("text/")))
        return CONTENT_TEXT;
    if (!starts(type, S("application/")))
        return CONTENT_BINARY;
    struct slice subtype = slice_skip(type, sizeof "application/" - 1);
    if (slice_eq_nocase(subtype, S("merge-patch+json")))
        return CONTENT_MERGE_PATCH;
    if (is_kind_of(subtype, S("json")))
        return CONTENT_JSON;
    if (is_kind_of(subtype, S("javascript")) || is_kind_of(subtype, S("ecmascript")))
        return CONTENT_TEXT;
    return CONTENT_BINARY;
}

const char *content_class_text(enum content_class c)
{
    static const char *const texts[] = {[CONTENT_TEXT] = "TEXT",
                                        [CONTENT_JSON] = "JSON",
                                        [CONTENT_MERGE_PATCH] = "JSON_MERGE_PATCH",
                                        [CONTENT_BINARY] = "BINARY"};
    return texts[c];
}

bool content_is_ditto(struct slice content_type)
{
    return slice_eq_nocase(without_parameters(content_type), S("application/vnd.eclipse.ditto+json"));
}
