/* secret_names.c: what gives a secret away: the name of a header, an option, a parameter. */
#include "connection/secrets.h"

#include <strings.h>

#include "protocol/template.h"

#include "base/banned.h"

enum { WORD_MAX = 16 };

static bool is_in(struct slice word, const char *const *words)
{
    for (size_t i = 0; words[i]; i++) {
        if (slice_eq(word, slice_str(words[i])))
            return true;
    }
    return false;
}

static bool contains(struct slice s, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= s.len; i++) {
        if (strncasecmp(s.p + i, word, n) == 0)
            return true;
    }
    return false;
}

static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Takes the next word of a name like x-api-key, apiKey or API_KEY, in lower case; what is longer is cut. False at the end. */
static bool next_word(struct slice *rest, char *word, struct slice *out)
{
    size_t n = 0, i = 0;
    while (i < rest->len && !is_lower(rest->p[i]) && !is_upper(rest->p[i]))
        i++;
    for (; i < rest->len && (is_lower(rest->p[i]) || is_upper(rest->p[i])); i++) {
        if (n && is_upper(rest->p[i]) && is_lower(rest->p[i - 1]))
            break;
        if (n < WORD_MAX)
            word[n++] = is_upper(rest->p[i]) ? (char)(rest->p[i] - 'A' + 'a') : rest->p[i];
    }
    *rest = slice_skip(*rest, i);
    *out = slice_of(word, n);
    return n > 0;
}

/* A key is one only at the end of a name, and not if it sorts or routes messages. */
static bool has_secret_word(struct slice name, const char *const *secret)
{
    static const char *const sorting[] = {"kafka",   "routing", "partition", "message",  "group",
                                          "foreign", "primary", "sort",      "grouping", NULL};
    char word[WORD_MAX];
    struct slice w;
    bool sorts = false, key = false;
    while (next_word(&name, word, &w)) {
        if (is_in(w, secret))
            return true;
        key = !sorts && slice_eq(w, S("key"));
        sorts = is_in(w, sorting);
    }
    return key;
}

bool sounds_secret(struct slice name)
{
    static const char *const parts[] = {
        "authorization", "password",  "passwd",     "passphrase", "secret",    "token",      "credential",
        "cookie",        "api-key",   "apikey",     "api_key",    "accesskey", "access-key", "access_key",
        "sharedkey",     "sharedacc", "privatekey", "signature",  NULL};
    static const char *const words[] = {"auth",   "pass", "pwd", "passcode", "creds",
                                        "bearer", "jwt",  "otp", "sig",      NULL};
    for (size_t i = 0; parts[i]; i++) {
        if (contains(name, parts[i]))
            return true;
    }
    return has_secret_word(name, words);
}

bool sounds_secret_in_query(struct slice name)
{
    static const char *const words[] = {"code", "sas", "hmac", "key", NULL};
    return sounds_secret(name) || has_secret_word(name, words);
}

struct slice credentials_in_header(struct slice value)
{
    static const char *const schemes[] = {"bearer",    "basic",  "digest", "sharedaccesssignature",
                                          "sharedkey", "apikey", NULL};
    struct slice rest = slice_trim(value), scheme = slice_cut(&rest, ' ');
    rest = slice_trim(rest);
    for (size_t i = 0; schemes[i] && rest.len; i++) {
        if (scheme.len == strlen(schemes[i]) && strncasecmp(scheme.p, schemes[i], scheme.len) == 0)
            return has_constant(rest) ? rest : SLICE_NONE;
    }
    return SLICE_NONE;
}

/* The argument of a function is one, too: fn:default('…'), and so is what has not the form of a placeholder. */
static bool names_something(struct slice expression)
{
    return expression.len && memchr(expression.p, ':', expression.len) &&
           !memchr(expression.p, '\'', expression.len) && !memchr(expression.p, '"', expression.len);
}

bool has_constant(struct slice template)
{
    struct slice literal, expression;
    while (template_next(&template, &literal, &expression)) {
        if (slice_trim(literal).len || (expression.p && !names_something(expression)))
            return true;
    }
    return false;
}
