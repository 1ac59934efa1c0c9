/* mapping-charset: bytes as text in the charset of a content type. */
#include "mapping/charset.h"

#include "tap.h"

static void decoded(const char *type, struct slice bytes, const char *want)
{
    struct buf out = {0};
    charset_put(&out, bytes, type ? slice_str(type) : SLICE_NONE);
    is_slice(buf_slice(&out), slice_str(want), "%s", type ? type : "no content type");
    buf_free(&out);
}

int main(void)
{
    decoded(NULL, S("h\xc3\xbc"), "h\xc3\xbc");
    decoded("", S(""), "");
    decoded("text/plain; charset=nonsense", S("h\xc3\xbc"), "h\xc3\xbc");
    decoded("text/plain; charset=ISO-8859-1", S("h\xfc\x80"), "h\xc3\xbc\xc2\x80");
    decoded("text/plain;charset=\"iso-8859-1\"; x=y", S("\xfc"), "\xc3\xbc");
    decoded("text/plain charset=iso-8859-1", S("\xc3\xbc"), "\xc3\xbc");
    decoded("a; charset=us-ascii", S("a\xfc"), "a\xef\xbf\xbd");
    decoded("a; charset=UTF-16", S("\0h\0\xfc"), "h\xc3\xbc");
    decoded("a; charset=utf-16", S("\xff\xfeh\0\x3d\xd8\0\xde"), "h\xf0\x9f\x98\x80");
    decoded("a; charset=utf-16", S("\xfe\xff\0h"), "h");
    decoded("a; charset=utf-16le", S("\xac\x20"), "\xe2\x82\xac");
    decoded("a; charset=utf-16be", S("\x20\xac\xd8\x3d\0"), "\xe2\x82\xac\xef\xbf\xbd\xef\xbf\xbd");
    decoded("a; charset=utf-8", S("a\xff\xc3z\xe2\x82"),
            "a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd");
    ok(charset_is_utf8(S("a; charset=UTF-8")), "UTF-8 is UTF-8");
    ok(charset_is_utf8(SLICE_NONE), "and so is what does not say");
    ok(!charset_is_utf8(S("a; charset=utf-16")), "UTF-16 is not");
    return done();
}
