#include "connection/secrets.h"

#include "base/banned.h"

static const struct place {
    const char *at;
    enum secret kind;
} places[] = {
    {"/uri", SECRET_IN_URI},
    {"/credentials/key", SECRET_WHOLE},
    {"/credentials/password", SECRET_WHOLE},
    {"/credentials/privateKey", SECRET_WHOLE},
    {"/credentials/clientSecret", SECRET_WHOLE},
    {"/credentials/parameters/accessKey", SECRET_WHOLE},
    {"/credentials/parameters/secretKey", SECRET_WHOLE},
    {"/credentials/parameters/sharedKey", SECRET_WHOLE},
    {"/sshTunnel/uri", SECRET_IN_URI},
    {"/sshTunnel/credentials/password", SECRET_WHOLE},
    {"/sshTunnel/credentials/privateKey", SECRET_WHOLE},
};
enum { PLACES = sizeof(places) / sizeof(*places) };

static const struct place *place_at(struct where at)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (strcmp(places[i].at, at.z) == 0)
            return &places[i];
    }
    return NULL;
}

static bool leads_to_place(struct where at)
{
    size_t n = strlen(at.z);
    for (size_t i = 0; i < PLACES; i++) {
        if (strncmp(places[i].at, at.z, n) == 0 && places[i].at[n] == '/')
            return true;
    }
    return false;
}

struct rewrite {
    struct buf *dst;
    put_secret *put;
    void *arg;
};

static void rewrite(struct rewrite *w, struct json v, struct where at);

static void rewrite_members(struct rewrite *w, struct json v, struct where at)
{
    struct buf decoded = {0};
    struct json_iter it = json_iter(v);
    buf_putc(w->dst, '{');
    while (json_next(&it)) {
        json_put_item(w->dst);
        buf_putc(w->dst, '"');
        buf_put_slice(w->dst, it.key);
        buf_puts(w->dst, "\":");
        rewrite(w, it.value, where_key(at, json_raw_text(it.key, &decoded)));
        buf_reset(&decoded, 0);
    }
    buf_putc(w->dst, '}');
    buf_free(&decoded);
}

static void rewrite(struct rewrite *w, struct json v, struct where at)
{
    const struct place *place = place_at(at);
    if (place && v.type != JSON_NULL)
        w->put(w->arg, w->dst, place->kind, at, v);
    else if (v.type == JSON_OBJECT && leads_to_place(at))
        rewrite_members(w, v, at);
    else
        json_put_compact(w->dst, v);
}

void secrets_rewrite(struct buf *dst, struct json doc, put_secret *put, void *arg)
{
    struct rewrite w = {dst, put, arg};
    rewrite(&w, doc, WHERE_ROOT);
}

void put_spliced(struct buf *dst, struct slice text, struct slice hole, struct slice with)
{
    size_t before = (size_t)(hole.p - text.p);
    struct buf b = {0};
    buf_put(&b, text.p, before);
    buf_put_slice(&b, with);
    buf_put_slice(&b, slice_skip(text, before + hole.len));
    json_put_text(dst, buf_slice(&b));
    buf_wipe(&b);
}
