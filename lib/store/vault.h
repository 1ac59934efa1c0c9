/* vault.h: secrets of connections at rest: sealed before a record is written, opened after it is read.
 *
 * A sealed value is "encrypted_" and base64url (RFC 4648 section 5, with padding) of 12 bytes of nonce, ciphertext and 16
 * bytes of tag: AES-256-GCM without additional data, as Ditto stores it. Of URIs and addresses only the secret parts are
 * sealed, of another string all of it; what is no string is sealed as JSON, after "encrypted-json_". Which places are secret
 * says connection/secrets.h, a wider list than Ditto's.
 *
 * A file of keys has one key a line, base64 (either alphabet) of 32 bytes, after an optional name; empty lines and "#…" do
 * not count. The first one seals, all of them open. "plain" in the place of a key means no key.
 *
 * Ownership: a vault owns its keys; vault_free wipes them. A zeroed one has none: everything stays as it is. */
#ifndef STORE_VAULT_H
#define STORE_VAULT_H

#include "json/json.h"
#include "store/log.h"

enum { VAULT_KEYS_MAX = 16, VAULT_KEY_BYTES = 32 };

struct vault {
    size_t n;
    struct vault_key {
        bool plain;
        unsigned char bytes[VAULT_KEY_BYTES];
    } v[VAULT_KEYS_MAX];
    bool blind;    /* neither seals nor opens: for who needs no secrets */
    char mark[17]; /* tells the first key from others, and nothing about it; "" without keys */
};

/* 0, or -1 with *err, which names the line; *v is then as it was. */
int vault_load(struct vault *v, const char *path, struct log_error *err);
void vault_free(struct vault *v);

/* Appends the payload with the secrets of its member "connection" sealed. 0, or -1 with errno: EINVAL (there is no key, and
 * a secret has the form of a sealed one), EIO (libcrypto failed). */
int vault_seal(const struct vault *v, struct buf *dst, struct slice payload);
/* The reverse: *open is the payload itself where nothing is sealed, else what was appended to scratch. *stale is set if
 * something is not sealed by the first key. 0, or -1 if no key fits. */
int vault_open(const struct vault *v, struct slice payload, struct buf *scratch, struct slice *open,
               bool *stale);

#endif
