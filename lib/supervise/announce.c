#include "supervise/announce.h"

#include "base/clock.h"

#include "base/banned.h"

#define CLOSED_ID "closed-" /* of settlements that somebody waits for */

void announcement_put(struct buf *dst, struct slice connection, bool opened)
{
    char iso[ISO_SIZE];
    buf_puts(dst, "{\"topic\":\"_/");
    json_put_escaped(dst, connection);
    buf_printf(dst, "/connections/announcements/%s\",\"headers\":{\"content-type\":\"application/json\"}",
               opened ? "opened" : "closed");
    buf_puts(dst, ",\"path\":\"/\",\"value\":{");
    json_put_member_text(dst, opened ? S("openedAt") : S("closedAt"), slice_str(clock_iso(iso, wall_ms())));
    buf_puts(dst, "},\"id\":\"");
    buf_puts(dst, opened ? "opened-" : CLOSED_ID);
    json_put_escaped(dst, connection);
    buf_puts(dst, "\",\"context\":{\"connection\":");
    json_put_text(dst, connection);
    buf_puts(dst, "}}\n");
}

struct slice announcement_settled(struct json line, struct buf *scratch)
{
    struct slice id = json_text(json_get(line, S("id")), scratch);
    if (!id.p || !json_present(json_get(line, S("status"))) || !slice_starts(id, S(CLOSED_ID)))
        return SLICE_NONE;
    return slice_skip(id, sizeof CLOSED_ID - 1);
}
