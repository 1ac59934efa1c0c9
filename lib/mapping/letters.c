/* letters.c: upper and lower case of texts, as Unicode maps them without regard to a language: the C library's mapping of
 * single characters, and what its interface cannot say, characters that become several (Unicode, SpecialCasing.txt). */
#include <errno.h>
#include <locale.h>
#include <wctype.h>

#include "mapping/function.h"

#include "base/banned.h"

static locale_t unicode;

int letters_prepare(struct call *c, struct ditto_error *err)
{
    (void)c;
    if (!unicode)
        unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (unicode)
        return 0;
    return ditto_fail(err, 400, "placeholder:function.unknown", "The locale C.UTF-8 is not installed.", NULL,
                      "The functions fn:lower() and fn:upper() cannot be used.");
}

/* --- characters --------------------------------------------------------------------------------------------------- */

/* Takes one off text, which is UTF-8. */
static wint_t take(struct slice *text)
{
    const unsigned char *p = (const unsigned char *)text->p;
    size_t n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    wint_t c = n == 1 ? *p : *p & (0x7fu >> n);
    if (n > text->len)
        n = text->len;
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3f);
    *text = slice_of(text->p + n, text->len - n);
    return c;
}

static void put(struct buf *dst, wint_t c)
{
    if (c < 0x80) {
        buf_putc(dst, (char)c);
    } else if (c < 0x800) {
        buf_put(dst, (char[]){(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))}, 2);
    } else if (c < 0x10000) {
        buf_put(dst,
                (char[]){(char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f))},
                3);
    } else {
        buf_put(dst,
                (char[]){(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)),
                         (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f))},
                4);
    }
}

/* --- upper case ----------------------------------------------------------------------------------------------------- */

/* In order. */
static const struct {
    wint_t c;
    const char *upper;
} special[] = {
    {0x00df, "SS"}, {0x0149, "ʼN"}, {0x01f0, "J̌"},  {0x0390, "Ϊ́"},   {0x03b0, "Ϋ́"},   {0x0587, "ԵՒ"},
    {0x1e96, "H̱"},  {0x1e97, "T̈"},  {0x1e98, "W̊"},  {0x1e99, "Y̊"},   {0x1e9a, "Aʾ"},  {0x1f50, "Υ̓"},
    {0x1f52, "Υ̓̀"},  {0x1f54, "Υ̓́"},  {0x1f56, "Υ̓͂"},  {0x1fb2, "ᾺΙ"},  {0x1fb3, "ΑΙ"},  {0x1fb4, "ΆΙ"},
    {0x1fb6, "Α͂"},  {0x1fb7, "Α͂Ι"}, {0x1fbc, "ΑΙ"}, {0x1fc2, "ῊΙ"},  {0x1fc3, "ΗΙ"},  {0x1fc4, "ΉΙ"},
    {0x1fc6, "Η͂"},  {0x1fc7, "Η͂Ι"}, {0x1fcc, "ΗΙ"}, {0x1fd2, "Ϊ̀"},   {0x1fd3, "Ϊ́"},   {0x1fd6, "Ι͂"},
    {0x1fd7, "Ϊ͂"},  {0x1fe2, "Ϋ̀"},  {0x1fe3, "Ϋ́"},  {0x1fe4, "Ρ̓"},   {0x1fe6, "Υ͂"},   {0x1fe7, "Ϋ͂"},
    {0x1ff2, "ῺΙ"}, {0x1ff3, "ΩΙ"}, {0x1ff4, "ΏΙ"}, {0x1ff6, "Ω͂"},   {0x1ff7, "Ω͂Ι"},  {0x1ffc, "ΩΙ"},
    {0xfb00, "FF"}, {0xfb01, "FI"}, {0xfb02, "FL"}, {0xfb03, "FFI"}, {0xfb04, "FFL"}, {0xfb05, "ST"},
    {0xfb06, "ST"}, {0xfb13, "ՄՆ"}, {0xfb14, "ՄԵ"}, {0xfb15, "ՄԻ"},  {0xfb16, "ՎՆ"},  {0xfb17, "ՄԽ"},
};
enum { N_SPECIAL = sizeof special / sizeof *special };

static const char *special_upper(wint_t c)
{
    size_t low = 0, high = N_SPECIAL;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (special[mid].c < c)
            low = mid + 1;
        else
            high = mid;
    }
    return low < N_SPECIAL && special[low].c == c ? special[low].upper : NULL;
}

/* Greek vowels with a breathing and an iota below: the iota becomes a letter of its own. */
static bool put_with_iota(struct buf *dst, wint_t c)
{
    static const wint_t capitals[] = {0x1f08, 0x1f28, 0x1f68};
    if (c < 0x1f80 || c > 0x1faf)
        return false;
    put(dst, capitals[(c - 0x1f80) / 16] + (c & 7));
    put(dst, 0x399);
    return true;
}

static void put_upper(struct buf *dst, wint_t c)
{
    const char *several = special_upper(c);
    if (several)
        buf_puts(dst, several);
    else if (!put_with_iota(dst, c))
        put(dst, towupper_l(c, unicode));
}

enum value_state change_upper(const struct application *a, struct slice value, struct buf *dst)
{
    (void)a;
    while (value.len) {
        if (*value.p >= 'a' && *value.p <= 'z')
            buf_putc(dst, (char)(take(&value) - 0x20));
        else
            put_upper(dst, take(&value));
    }
    return VALUE_RESOLVED;
}

/* --- lower case ----------------------------------------------------------------------------------------------------- */

static bool is_cased(wint_t c)
{
    return towlower_l(c, unicode) != c || towupper_l(c, unicode) != c || special_upper(c);
}

/* Marks that stand within words. */
static bool is_mark(wint_t c)
{
    return c == '\'' || c == '.' || c == ':' || c == 0xad || c == 0xb7 || c == 0x2019 ||
           (c >= 0x300 && c <= 0x36f);
}

static bool letter_follows(struct slice rest)
{
    while (rest.len) {
        wint_t c = take(&rest);
        if (!is_mark(c))
            return is_cased(c);
    }
    return false;
}

enum value_state change_lower(const struct application *a, struct slice value, struct buf *dst)
{
    bool in_word = false; /* a letter precedes */
    (void)a;
    while (value.len) {
        wint_t c = take(&value);
        if (c == 0x3a3) /* sigma has a form for the end of words */
            put(dst, in_word && !letter_follows(value) ? 0x3c2 : 0x3c3);
        else if (c == 0x130)
            buf_puts(dst, "i\xcc\x87");
        else
            put(dst, c < 0x80 && (c < 'A' || c > 'Z') ? c : towlower_l(c, unicode));
        if (!is_mark(c))
            in_word = is_cased(c);
    }
    return VALUE_RESOLVED;
}
