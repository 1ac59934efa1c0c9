#include "ctl/list.h"

#include "base/log.h"
#include "base/banned.h"

int list_ids(struct ctl *ctl, const char *tag)
{
    struct line answer;
    struct buf members = {0};
    if (tag)
        json_put_member_text(&members, S("tag"), slice_str(tag));
    ctl_ask(ctl,
            &(struct request){.command = tag ? "connectivity.sudo.commands:sudoRetrieveConnectionIdsByTag"
                                             : "retrieveAllConnectionIds",
                              .members = buf_slice(&members)},
            &answer);
    buf_free(&members);
    if (client_refusal(&answer).type != JSON_ABSENT)
        return ctl_print_answer(ctl, &answer, S(""));
    struct json_iter it = json_iter(json_get(answer.signal, S("connectionIds")));
    while (json_next(&it)) {
        buf_put_slice(&ctl->out, json_raw(it.value));
        buf_putc(&ctl->out, '\n');
    }
    ctl_flush(ctl);
    return EXIT_DONE;
}

static void put_details(struct ctl *ctl, struct json connection)
{
    static const char *const shown[] = {"id", "name", "connectionType", "connectionStatus", "tags", NULL};
    buf_putc(&ctl->out, '{');
    for (size_t i = 0; shown[i]; i++) {
        struct json v = json_get(connection, slice_str(shown[i]));
        if (json_present(v) && (v.type != JSON_ARRAY || json_count(v)))
            json_put_member(&ctl->out, slice_str(shown[i]), json_slice(v));
    }
    buf_puts(&ctl->out, "}\n");
}

static bool has_tag(struct json connection, const char *tag)
{
    struct json_iter it = json_iter(json_get(connection, S("tags")));
    bool has = !tag;
    while (!has && json_next(&it))
        has = json_text_is(it.value, slice_str(tag));
    return has;
}

/* What a follower is told first is all connections at one moment, in order of id. */
int list_details(struct ctl *ctl, const char *tag)
{
    struct slice text;
    struct json v;
    struct json_error bad;
    ctl_open(ctl);
    ctl_set_deadline(ctl);
    if (client_send(&ctl->store, S("{\"follow\":{}}\n")) < 0)
        ctl_die_without_answer(ctl);
    for (;;) {
        if (client_line(&ctl->store, &text) < 0)
            ctl_die_without_answer(ctl);
        if (json_parse(text, &v, &bad) < 0)
            die(EXIT_TEMPORARY, "cannot read answer of store '%s': %s", ctl->store.path, bad.reason);
        if (json_present(json_get(v, S("live"))))
            break;
        if (json_present(json_get(v, S("error")))) {
            ctl_print(ctl, json_get(v, S("error")));
            return EXIT_NEGATIVE;
        }
        struct json connection = json_get(json_get(v, S("state")), S("connection"));
        if (has_tag(connection, tag))
            put_details(ctl, connection);
    }
    ctl_flush(ctl);
    return EXIT_DONE;
}
