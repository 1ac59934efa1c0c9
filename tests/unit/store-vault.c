/* Secrets at rest: Ditto's form, which places, which keys. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "store/vault.h"

#include "tap.h"

#include "base/banned.h"

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" /* bytes 0 … 31 */
#define KEY_B "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA=" /* bytes 255 … 224, in the other alphabet */
/* "geheim:1/2" under KEY_A with the nonce 0 … 11, by another implementation */
#define SEALED_A "encrypted_AAECAwQFBgcICQoLIGe-fqyI-Cqic7KyTPSFzevMDRizB0U_FXQ="

static char path[] = "/tmp/store-vault.XXXXXX";

static int load(struct vault *v, const char *text, struct log_error *err)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    if (fd < 0 || io_write_all(fd, text, strlen(text)) != 0 || close(fd) != 0)
        ok(false, "cannot write the keys");
    return vault_load(v, path, err);
}

static struct vault with(const char *keys)
{
    struct vault v = {0};
    struct log_error err = {.text = ""};
    is_int(load(&v, keys, &err), 0, "keys are read");
    return v;
}

static void refuses(const char *keys, const char *want)
{
    struct vault v = {0};
    struct log_error err = {.text = ""};
    ok(load(&v, keys, &err) != 0 && strstr(err.text, want), "no keys: %s", want);
    is_int((long long)v.n, 0, "and nothing is kept");
}

static void opens(const struct vault *v, const char *sealed, const char *want, bool stale_wanted)
{
    struct buf scratch = {0};
    struct slice plain;
    bool stale = false;
    int rc = vault_open(v, slice_str(sealed), &scratch, &plain, &stale);
    ok(want ? rc == 0 && slice_eq(plain, slice_str(want)) : rc != 0, "opens %s", want ? want : "nothing");
    if (want)
        is_int(stale, stale_wanted, "and knows which key it was");
    buf_wipe(&scratch);
}

static void there_and_back(const struct vault *v, const char *text)
{
    struct buf sealed = {0};
    is_int(vault_seal(v, &sealed, slice_str(text)), 0, "seals");
    ok(!memmem(buf_p(&sealed), sealed.len, "geheim", 6), "nothing is left");
    opens(v, buf_z(&sealed), text, false);
    buf_free(&sealed);
}

int main(void)
{
    int fd = mkstemp(path);
    log_init("store-vault", NULL);
    if (fd < 0 || close(fd) != 0)
        return EXIT_BUG;
    struct vault none = {0}, a = with(KEY_A "\n"), b = with("# newest first\nb " KEY_B "\n\n a " KEY_A),
                 plain = with("plain\n" KEY_A "\n");
    ok(strlen(a.mark) == 16 && strcmp(a.mark, b.mark) != 0 && !*plain.mark, "keys have marks");
    refuses("", "it has no key");
    refuses("x c2hvcnQ=\n", "line 1 is not base64 of a key of 32 bytes");
    refuses(KEY_A "\nnonsense\n", "line 2");

    static const char ditto[] = "{\"connection\":{\"credentials\":{\"password\":\"" SEALED_A "\"}}}";
    opens(&a, ditto, "{\"connection\":{\"credentials\":{\"password\":\"geheim:1/2\"}}}", false);
    opens(&b, ditto, "{\"connection\":{\"credentials\":{\"password\":\"geheim:1/2\"}}}", true);
    opens(&none, ditto, NULL, false);
    opens(&a, "{\"connection\":{\"uri\":\"tcp://u:" SEALED_A "@h:1\"}}",
          "{\"connection\":{\"uri\":\"tcp://u:geheim:1/2@h:1\"}}", false);
    opens(&a, "{\"connection\":{\"uri\":\"tcp://u:plain@h:1\"}}",
          "{\"connection\":{\"uri\":\"tcp://u:plain@h:1\"}}", true);
    opens(&a, "{\"type\":\"x\"}", "{\"type\":\"x\"}", false);

    static const char full[] =
        "{\"revision\":1,\"connection\":{\"id\":\"c\",\"uri\":\"tcp://u:geheim@h:1\",\"credentials\":{\"type\":\"x\","
        "\"clientSecret\":\"\\\"geheim\\u00e9\\n\",\"other\":{\"geheim\":[1,2]}},\"sources\":[{\"headerMapping\":{"
        "\"authorization\":\"Bearer geheim\"}}]}}";
    struct buf out = {0};
    is_int(vault_seal(&b, &out, slice_str(full)), 0, "seals every place");
    ok(!memmem(buf_p(&out), out.len, "geheim", 6), "nothing is left");
    buf_reset(&out, 0);
    there_and_back(&a, "{\"connection\":{\"uri\":\"tcp://u:geheim@h:1\",\"tags\":[]}}");
    there_and_back(&b, "{\"connection\":{\"credentials\":{\"password\":\"\",\"extra\":{\"geheim\":[1,2]}}}}");
    is_int(vault_seal(&none, &out, slice_str(full)), 0, "without a key nothing is sealed");
    is_slice(buf_slice(&out), slice_str(full), "all stays as it is");
    buf_reset(&out, 0);
    ok(vault_seal(&none, &out, slice_str(ditto)) != 0, "but what looks sealed is refused");
    buf_free(&out);
    (void)unlink(path);
    return done();
}
