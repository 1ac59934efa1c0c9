#include "store/record.h"

#include "store/crc32c.h"

#include "base/banned.h"

enum {
    AT_CRC = 4,
    AT_FORMAT = 8,
    AT_KIND = 9,
    AT_ID_LEN = 10,
    AT_PAYLOAD_LEN = 12,
    AT_REVISION = 16,
    AT_POSITION = 24,
    AT_DURABLE = 32,
    AT_TIME = 40,
};

static void put_le(char *at, uint64_t n, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++, n >>= 8)
        at[i] = (char)(n & 0xff);
}

static uint64_t get_le(const char *at, size_t bytes)
{
    uint64_t n = 0;
    while (bytes--)
        n = n << 8 | (unsigned char)at[bytes];
    return n;
}

void record_put(struct buf *dst, const struct record *r)
{
    size_t len = RECORD_HEAD + r->id.len + r->payload.len;
    char *p = buf_room(dst, len);
    memcpy(p, RECORD_MAGIC, 4);
    put_le(p + AT_FORMAT, RECORD_FORMAT, 1);
    put_le(p + AT_KIND, r->kind, 1);
    put_le(p + AT_ID_LEN, r->id.len, 2);
    put_le(p + AT_PAYLOAD_LEN, r->payload.len, 4);
    put_le(p + AT_REVISION, r->revision, 8);
    put_le(p + AT_POSITION, r->position, 8);
    put_le(p + AT_DURABLE, r->durable, 8);
    put_le(p + AT_TIME, (uint64_t)r->time, 8);
    memcpy(p + RECORD_HEAD, r->id.p, r->id.len);
    memcpy(p + RECORD_HEAD + r->id.len, r->payload.p, r->payload.len);
    put_le(p + AT_CRC, crc32c(slice_of(p + AT_FORMAT, len - AT_FORMAT)), 4);
    buf_added(dst, len);
}

static void read_head(const char *p, struct record *out)
{
    out->kind = (enum record_kind)get_le(p + AT_KIND, 1);
    out->revision = get_le(p + AT_REVISION, 8);
    out->position = get_le(p + AT_POSITION, 8);
    out->durable = get_le(p + AT_DURABLE, 8);
    out->time = (int64_t)get_le(p + AT_TIME, 8);
}

enum record_status record_read(struct slice bytes, struct record *out, size_t *len)
{
    *out = (struct record){.id = SLICE_NONE, .payload = SLICE_NONE};
    *len = RECORD_HEAD;
    if (bytes.len < 4 || memcmp(bytes.p, RECORD_MAGIC, 4) != 0)
        return RECORD_FOREIGN;
    if (bytes.len < RECORD_HEAD)
        return RECORD_SHORT;
    size_t id_len = get_le(bytes.p + AT_ID_LEN, 2), payload_len = get_le(bytes.p + AT_PAYLOAD_LEN, 4);
    read_head(bytes.p, out);
    if (id_len > RECORD_MAX_ID || payload_len > RECORD_MAX_PAYLOAD)
        return RECORD_DAMAGED;
    *len = RECORD_HEAD + id_len + payload_len;
    if (bytes.len < *len)
        return RECORD_SHORT;
    if (crc32c(slice_of(bytes.p + AT_FORMAT, *len - AT_FORMAT)) != get_le(bytes.p + AT_CRC, 4))
        return RECORD_DAMAGED;
    if (get_le(bytes.p + AT_FORMAT, 1) != RECORD_FORMAT)
        return RECORD_NEWER;
    out->id = slice_of(bytes.p + RECORD_HEAD, id_len);
    out->payload = slice_of(bytes.p + RECORD_HEAD + id_len, payload_len);
    return out->kind >= RECORD_EVENT && out->kind <= RECORD_CUT ? RECORD_WHOLE : RECORD_NEWER;
}
