#include "store/vault.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/log.h"
#include "connection/secrets.h"

#include "base/banned.h"

#define SEALED      S("encrypted_")
#define SEALED_JSON S("encrypted-json_")

enum { NONCE = 12, TAG = 16, FILE_MAX_BYTES = 64 * 1024 };

/* --- base64 for URIs ---------------------------------------------------------------------------------------------- */

static void translate(char *p, size_t n, char from62, char from63, char to62, char to63)
{
    for (size_t i = 0; i < n; i++)
        p[i] = p[i] == from62 ? to62 : p[i] == from63 ? to63 : p[i];
}

static void put_base64url(struct buf *dst, const void *p, size_t n)
{
    size_t before = dst->len;
    base64_put(dst, p, n);
    translate(buf_p(dst) + before, dst->len - before, '+', '/', '-', '_');
}

static int get_base64url(struct buf *dst, struct slice text)
{
    struct buf copy = {0};
    buf_put_slice(&copy, text);
    if (copy.len)
        translate(buf_p(&copy), copy.len, '-', '_', '+', '/');
    int rc = base64_get(dst, buf_slice(&copy));
    buf_wipe(&copy);
    return rc;
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static void wipe(struct vault *v)
{
    explicit_bzero(v, sizeof *v);
}

void vault_free(struct vault *v)
{
    wipe(v);
}

static bool read_key(struct slice text, struct vault_key *key)
{
    struct buf bytes = {0};
    *key = (struct vault_key){.plain = slice_eq(text, S("plain"))};
    bool ok = key->plain || (get_base64url(&bytes, text) == 0 && bytes.len == VAULT_KEY_BYTES);
    if (ok && !key->plain)
        memcpy(key->bytes, buf_p(&bytes), VAULT_KEY_BYTES);
    buf_wipe(&bytes);
    return ok;
}

static int add_line(struct vault *v, struct slice line, const char *path, unsigned number,
                    struct log_error *err)
{
    line = slice_trim(line);
    if (!line.len || line.p[0] == '#')
        return 0;
    struct slice rest = line, text;
    do
        text = slice_cut(&rest, ' ');
    while (rest.p);
    if (v->n == VAULT_KEYS_MAX)
        return log_fail(err, EXIT_PERMANENT, "cannot use '%s': it has more than %d keys", path,
                        VAULT_KEYS_MAX);
    if (!read_key(text, &v->v[v->n]))
        return log_fail(err, EXIT_PERMANENT, "cannot use '%s': line %u is not base64 of a key of %d bytes",
                        path, number, VAULT_KEY_BYTES);
    v->n++;
    return 0;
}

static void set_mark(struct vault *v)
{
    static const char domain[] = "conntools key";
    unsigned char text[sizeof domain + VAULT_KEY_BYTES], hash[EVP_MAX_MD_SIZE];
    if (!v->n || v->v[0].plain)
        return;
    memcpy(text, domain, sizeof domain);
    memcpy(text + sizeof domain, v->v[0].bytes, VAULT_KEY_BYTES);
    if (EVP_Digest(text, sizeof text, hash, NULL, EVP_sha256(), NULL) == 1)
        for (size_t i = 0; i < 8; i++)
            (void)snprintf(v->mark + 2 * i, 3, "%02x", hash[i]);
    explicit_bzero(text, sizeof text);
}

/* As ssh does with the files of its keys: one of somebody else's is his affair. */
static int check_mode(const char *path, struct log_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || !(st.st_mode & 077))
        return 0;
    return log_fail(err, EXIT_PERMANENT, "cannot use '%s': others may read it (mode %04o): chmod 600 it",
                    path, (unsigned)st.st_mode & 07777);
}

int vault_load(struct vault *v, const char *path, struct log_error *err)
{
    struct vault fresh = {0};
    struct buf text = {0};
    int rc = check_mode(path, err);
    if (rc == 0 && io_read_file(path, FILE_MAX_BYTES, &text) != 0)
        rc = log_fail(err, EXIT_PERMANENT, "cannot read '%s': %s", path, strerror(errno));
    struct slice rest = buf_slice(&text);
    for (unsigned number = 1; rc == 0 && rest.p; number++)
        rc = add_line(&fresh, slice_cut(&rest, '\n'), path, number, err);
    if (rc == 0 && !fresh.n)
        rc = log_fail(err, EXIT_PERMANENT, "cannot use '%s': it has no key", path);
    set_mark(&fresh);
    if (rc == 0)
        *v = fresh;
    wipe(&fresh);
    buf_wipe(&text);
    return rc;
}

/* --- one value ---------------------------------------------------------------------------------------------------- */

static int encrypt(const struct vault_key *key, struct slice plain, struct buf *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char *nonce = (unsigned char *)buf_room(out, NONCE + plain.len + TAG), *text = nonce + NONCE;
    int n = 0, rest = 0;
    bool ok = ctx && RAND_bytes(nonce, NONCE) == 1 &&
              EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, nonce) == 1 &&
              EVP_EncryptUpdate(ctx, text, &n, (const unsigned char *)plain.p, (int)plain.len) == 1 &&
              EVP_EncryptFinal_ex(ctx, text + n, &rest) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, text + plain.len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (ok)
        buf_added(out, NONCE + plain.len + TAG);
    return ok ? 0 : -1;
}

static bool decrypt(const struct vault_key *key, struct slice sealed, struct buf *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const unsigned char *nonce = (const unsigned char *)sealed.p, *text = nonce + NONCE;
    size_t len = sealed.len - NONCE - TAG;
    unsigned char tag[TAG], *to = (unsigned char *)buf_room(out, len + 1);
    int n = 0, rest = 0;
    memcpy(tag, text + len, TAG);
    bool ok = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, nonce) == 1 &&
              EVP_DecryptUpdate(ctx, to, &n, text, (int)len) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
              EVP_DecryptFinal_ex(ctx, to + n, &rest) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (ok)
        buf_added(out, len);
    return ok;
}

/* The bytes of a sealed text, if it has the form of one. */
static bool take_apart(struct slice text, struct slice prefix, struct buf *sealed)
{
    return slice_starts(text, prefix) && get_base64url(sealed, slice_skip(text, prefix.len)) == 0 &&
           sealed->len >= NONCE + TAG;
}

static bool looks_sealed(struct slice text)
{
    struct buf bytes = {0};
    bool yes = take_apart(text, SEALED, &bytes) || take_apart(text, SEALED_JSON, &bytes);
    buf_wipe(&bytes);
    return yes;
}

/* --- a document --------------------------------------------------------------------------------------------------- */

struct pass {
    const struct vault *vault;
    int error; /* errno of the first thing that failed */
    bool stale;
};

static void put_sealed(struct pass *p, struct buf *dst, struct slice prefix, struct slice plain)
{
    struct buf bytes = {0};
    if (encrypt(&p->vault->v[0], plain, &bytes) != 0)
        p->error = EIO;
    buf_put_slice(dst, prefix);
    put_base64url(dst, buf_p(&bytes), bytes.len);
    buf_free(&bytes);
}

static void seal_part(void *arg, struct buf *dst, size_t part, struct secret_part secret)
{
    (void)part;
    put_sealed(arg, dst, SEALED, secret.text);
}

static void check_plain_part(void *arg, struct buf *dst, size_t part, struct secret_part secret)
{
    struct pass *p = arg;
    (void)part;
    if (looks_sealed(secret.text))
        p->error = EINVAL;
    buf_put_slice(dst, secret.text);
}

static void seal_value(void *arg, struct buf *dst, enum secret kind, struct where at, struct json value)
{
    struct pass *p = arg;
    bool plain = !p->vault->n || p->vault->v[0].plain;
    (void)at;
    if (value.type == JSON_STRING) {
        secret_put_parts(dst, kind, value, plain ? check_plain_part : seal_part, p);
    } else if (plain) {
        json_put_compact(dst, value);
    } else {
        buf_putc(dst, '"');
        put_sealed(p, dst, SEALED_JSON, json_slice(value));
        buf_putc(dst, '"');
    }
}

int vault_seal(const struct vault *v, struct buf *dst, struct slice payload)
{
    struct json event = {JSON_OBJECT, payload.p, payload.len}, doc = json_get(event, S("connection"));
    struct pass pass = {.vault = v};
    struct buf sealed = {0};
    if (v->blind || !json_present(doc)) {
        buf_put_slice(dst, payload);
        return 0;
    }
    secrets_rewrite(&sealed, doc, seal_value, &pass);
    if (!pass.error)
        json_put_with(dst, event, S("connection"), buf_slice(&sealed));
    buf_wipe(&sealed);
    errno = pass.error;
    return pass.error ? -1 : 0;
}

static bool open_any(struct pass *p, struct slice sealed, struct buf *out)
{
    for (size_t i = 0; i < p->vault->n; i++)
        if (!p->vault->v[i].plain && decrypt(&p->vault->v[i], sealed, out)) {
            p->stale |= i > 0;
            return true;
        }
    p->error = EACCES;
    return false;
}

static void open_part(void *arg, struct buf *dst, size_t part, struct secret_part secret)
{
    struct pass *p = arg;
    struct buf bytes = {0};
    (void)part;
    if (!take_apart(secret.text, SEALED, &bytes) || !open_any(p, buf_slice(&bytes), dst)) {
        p->stale |= p->vault->n && !p->vault->v[0].plain;
        buf_put_slice(dst, secret.text);
    }
    buf_wipe(&bytes);
}

static void open_value(void *arg, struct buf *dst, enum secret kind, struct where at, struct json value)
{
    struct pass *p = arg;
    struct buf decoded = {0}, bytes = {0};
    struct slice text = json_text(value, &decoded);
    (void)at;
    if (!text.p) {
        p->stale |= p->vault->n && !p->vault->v[0].plain;
        json_put_compact(dst, value);
    } else if (!take_apart(text, SEALED_JSON, &bytes) || !open_any(p, buf_slice(&bytes), dst)) {
        secret_put_parts(dst, kind, value, open_part, p);
    }
    buf_wipe(&decoded);
    buf_wipe(&bytes);
}

int vault_open(const struct vault *v, struct slice payload, struct buf *scratch, struct slice *open,
               bool *stale)
{
    struct json event = {JSON_OBJECT, payload.p, payload.len}, doc = json_get(event, S("connection"));
    struct pass pass = {.vault = v};
    struct buf plain = {0};
    *open = payload;
    if (v->blind || !json_present(doc) || (!v->n && !memmem(payload.p, payload.len, "encrypted", 9)))
        return 0;
    secrets_rewrite(&plain, doc, open_value, &pass);
    if (!pass.error) {
        size_t before = scratch->len;
        json_put_with(scratch, event, S("connection"), buf_slice(&plain));
        *open = slice_skip(buf_slice(scratch), before);
    }
    buf_wipe(&plain);
    *stale |= pass.stale;
    return pass.error ? -1 : 0;
}
