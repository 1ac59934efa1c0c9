#include "login.h"

#include <stdint.h>
#include <string.h>

#include <proton/sasl.h>
#include <proton/sasl_plugin.h>

#include "base/slice.h"

#include "base/banned.h"

static const struct login *login_of(pn_transport_t *t)
{
    return pnx_sasl_get_context(t);
}

static void no_free(pn_transport_t *t)
{
    (void)t;
}

static const char *mechanisms(pn_transport_t *t)
{
    const struct login *login = login_of(t);
    if (login->external)
        return "EXTERNAL";
    return login->user ? "PLAIN" : login->reject ? "PLAIN ANONYMOUS" : "ANONYMOUS";
}

static bool init_server(pn_transport_t *t)
{
    pnx_sasl_set_desired_state(t, SASL_POSTED_MECHANISMS);
    return true;
}

static bool init_client(pn_transport_t *t)
{
    (void)t;
    return false;
}

static void prepare_write(pn_transport_t *t)
{
    (void)t;
}

/* RFC 4616: [authzid] NUL authcid NUL passwd */
static bool password_fits(const struct login *login, const pn_bytes_t *answer)
{
    struct slice rest = slice_of(answer->start, answer->size);
    slice_cut(&rest, '\0');
    struct slice user = slice_cut(&rest, '\0');
    return rest.p && slice_eq(user, slice_str(login->user)) && slice_eq(rest, slice_str(login->password));
}

static void fail(pn_transport_t *t)
{
    pn_sasl_done(pn_sasl(t), PN_SASL_AUTH);
    pnx_sasl_set_desired_state(t, SASL_POSTED_OUTCOME); /* done alone sends nothing */
}

static void process_init(pn_transport_t *t, const char *mechanism, const pn_bytes_t *answer)
{
    const struct login *login = login_of(t);
    bool plain = strcmp(mechanism, "PLAIN") == 0;
    bool good = login->external
                    ? strcmp(mechanism, "EXTERNAL") == 0
                    : !login->reject && (login->user ? plain && password_fits(login, answer) : !plain);
    if (good) {
        pnx_sasl_set_succeeded(t,
                               login->external ? "external"
                               : login->user   ? login->user
                                               : "anonymous",
                               NULL);
        pnx_sasl_set_desired_state(t, SASL_POSTED_OUTCOME);
    } else {
        fail(t);
    }
}

static void process_response(pn_transport_t *t, const pn_bytes_t *answer)
{
    (void)answer;
    fail(t);
}

static bool process_mechanisms(pn_transport_t *t, const char *offered)
{
    (void)t;
    (void)offered;
    return false;
}

static void process_bytes(pn_transport_t *t, const pn_bytes_t *answer)
{
    (void)t;
    (void)answer;
}

static bool can_encrypt(pn_transport_t *t)
{
    (void)t;
    return false;
}

static const pnx_sasl_implementation server = {
    .free = no_free,
    .list_mechanisms = mechanisms,
    .init_server = init_server,
    .init_client = init_client,
    .prepare_write = prepare_write,
    .process_init = process_init,
    .process_response = process_response,
    .process_mechanisms = process_mechanisms,
    .process_challenge = process_bytes,
    .process_outcome = process_bytes,
    .can_encrypt = can_encrypt,
};

void login_serve(pn_transport_t *transport, const struct login *login)
{
    pn_transport_set_server(transport);
    pn_sasl(transport);
    /* proton only reads the context, but takes it as void * */
    pnx_sasl_set_implementation(transport, &server, (void *)(uintptr_t)login);
    pn_transport_require_auth(transport, login->reject || login->user || login->external);
}
