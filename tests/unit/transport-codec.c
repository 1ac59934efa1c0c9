/* transport-codec: AMQP 1.0 values and messages, well-formed and not, as lines. */
#include <stdlib.h>

#include "transport/amqp10_message.h"

#include "tap.h"

/* --- values ------------------------------------------------------------------------------------------------------ */

#define BYTES(literal) slice_of("" literal, sizeof(literal) - 1)

static void is_text(struct slice encoded, const char *want, const char *what)
{
    struct amqp10_value v;
    struct buf text = {0};
    bool fine = amqp10_take(&encoded, &v) == 0 && encoded.len == 0 && amqp10_put_text(&text, &v);
    is_slice(fine ? buf_slice(&text) : SLICE_NONE, want ? slice_str(want) : SLICE_NONE, "%s", what);
    buf_free(&text);
}

static void is_double(double d, const char *want)
{
    char bytes[9] = {(char)0x82};
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    for (int i = 0; i < 8; i++)
        bytes[i + 1] = (char)(bits >> (56 - 8 * i));
    is_text(slice_of(bytes, sizeof bytes), want, want);
}

static void test_scalars(void)
{
    is_text(BYTES("\x41"), "true", "true");
    is_text(BYTES("\x42"), "false", "false");
    is_text(BYTES("\x56\x01"), "true", "boolean of a byte");
    is_text(BYTES("\x43"), "0", "uint 0");
    is_text(BYTES("\x44"), "0", "ulong 0");
    is_text(BYTES("\x50\xff"), "255", "ubyte");
    is_text(BYTES("\x51\xff"), "-1", "byte");
    is_text(BYTES("\x52\x80"), "128", "small uint");
    is_text(BYTES("\x54\x80"), "-128", "small int");
    is_text(BYTES("\x55\x80"), "-128", "small long");
    is_text(BYTES("\x60\x01\x00"), "256", "ushort");
    is_text(BYTES("\x61\xff\x00"), "-256", "short");
    is_text(BYTES("\x70\xff\xff\xff\xff"), "4294967295", "uint");
    is_text(BYTES("\x71\xff\xff\xff\xff"), "-1", "int");
    is_text(BYTES("\x80\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615", "ulong");
    is_text(BYTES("\x81\x80\x00\x00\x00\x00\x00\x00\x00"), "-9223372036854775808", "long");
    is_text(BYTES("\x83\x00\x00\x00\x00\x00\x00\x00\x05"), "5", "timestamp");
    is_text(BYTES("\x72\x3d\xcc\xcc\xcd"), "0.1", "float");
    is_text(BYTES("\x73\x00\x01\xf6\x00"), "\xf0\x9f\x98\x80", "char");
    is_text(BYTES("\x73\x00\x00\xd8\x00"), "\xef\xbf\xbd", "a surrogate is no char");
    is_text(BYTES("\x98\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"),
            "00112233-4455-6677-8899-aabbccddeeff", "uuid");
    is_text(BYTES("\xa0\x01x"), "x", "binary");
    is_text(BYTES("\xb1\x00\x00\x00\x02"
                  "ab"),
            "ab", "long string");
    is_text(BYTES("\xa3\x00"), "", "empty symbol");
    is_text(BYTES("\x00\x53\x05\xa1\x01y"), "y", "a described value is its value");
    is_text(BYTES("\x40"), NULL, "null has no text");
    is_text(BYTES("\x74\x00\x00\x00\x00"), NULL, "nor has a decimal");
    is_text(BYTES("\x45"), NULL, "nor has a list");
}

static void test_floating(void)
{
    static const struct {
        double d;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},           {-0.0, "-0.0"},
        {1.0, "1.0"},           {-21.5, "-21.5"},
        {0.1, "0.1"},           {0.30000000000000004, "0.30000000000000004"},
        {100, "100.0"},         {123456.75, "123456.75"},
        {9999999, "9999999.0"}, {10000000, "1.0E7"},
        {1.5e10, "1.5E10"},     {0.001, "0.001"},
        {0.0123, "0.0123"},     {0.00099, "9.9E-4"},
        {1e300, "1.0E300"},     {1.5e-300, "1.5E-300"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        is_double(cases[i].d, cases[i].text);
    is_double(1.0 / 0.0, "Infinity");
    is_double(-1.0 / 0.0, "-Infinity");
}

static void test_malformed(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *what;
    } cases[] = {
        {"", 0, "nothing"},
        {"\x46", 1, "an unknown constructor"},
        {"\x70\x00\x00", 3, "a number that is cut off"},
        {"\xa1", 1, "a string without a length"},
        {"\xa1\x02x", 3, "a string that is cut off"},
        {"\xb0\xff\xff\xff\xff", 5, "a length beyond the end"},
        {"\xc0\x00", 2, "a list without a count"},
        {"\xd0\x00\x00\x00\x02\x00\x00", 7, "a list too short for its count"},
        {"\xc1\x02\x01\x40", 4, "a map of one"},
        {"\x00", 1, "a descriptor that is cut off"},
        {"\x00\x53\x70", 3, "a description of nothing"},
        {"\x00\x00\x53\x70\x40\x40", 6, "a described descriptor"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice in = slice_of(cases[i].bytes, cases[i].len);
        struct amqp10_value v;
        ok(amqp10_take(&in, &v) < 0, "malformed: %s", cases[i].what);
    }
}

static void test_items(void)
{
    struct amqp10_value v;
    struct slice in = BYTES("\xc0\x04\x03\x41\x42\x40");
    ok(amqp10_take(&in, &v) == 0 && v.count == 3 && amqp10_items_valid(&v), "a list of three");
    in = BYTES("\xc0\x04\x02\x41\x42\x40");
    ok(amqp10_take(&in, &v) == 0 && !amqp10_items_valid(&v), "one item too many");
    in = BYTES("\xc0\x03\x03\x41\x42");
    ok(amqp10_take(&in, &v) == 0 && !amqp10_items_valid(&v), "one too few");
    in = BYTES("\xd0\x00\x00\x00\x04\xff\xff\xff\xff");
    ok(amqp10_take(&in, &v) == 0 && !amqp10_items_valid(&v), "a count beyond reason");
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

static void is_message(struct slice encoded, const char *want, const char *what)
{
    struct amqp10_message m = {0};
    struct buf line = {0};
    int r = amqp10_message_read(&m, encoded);
    if (r == 0)
        amqp10_message_put(&line, &m);
    is_slice(r == 0 ? buf_slice(&line) : SLICE_NONE, want ? slice_str(want) : SLICE_NONE, "%s", what);
    buf_free(&line);
    amqp10_message_free(&m);
}

#define SECTION(code) "\x00\x53" code

static void test_bodies(void)
{
    is_message(BYTES(""), ",\"headers\":{}", "an empty message has no payload");
    is_message(BYTES(SECTION("\x75") "\xa0\x02hi"), ",\"headers\":{},\"text\":\"hi\"", "data");
    is_message(BYTES(SECTION("\x75") "\xa0\x00"), ",\"headers\":{},\"text\":\"\"",
               "empty data is an empty text");
    is_message(BYTES(SECTION("\x75") "\xa0\x02hi" SECTION("\x75") "\xa0\x00" SECTION("\x75") "\xa0\x01!"),
               ",\"headers\":{},\"text\":\"hi!\"", "data sections are joined");
    is_message(BYTES(SECTION("\x75") "\xa0\x01\xff"), ",\"headers\":{},\"bytes\":\"/w==\"",
               "no UTF-8 is bytes");
    is_message(BYTES(SECTION("\x77") "\xa1\x01x"), ",\"headers\":{},\"text\":\"x\"", "a string");
    is_message(BYTES(SECTION("\x77") "\xa1\x02\xc3\x28"), ",\"headers\":{},\"bytes\":\"wyg=\"",
               "a string that is none is bytes");
    is_message(BYTES(SECTION("\x77") "\x40"), ",\"headers\":{}", "null");
    is_message(BYTES(SECTION("\x77") "\xc1\x01\x00"), ",\"headers\":{}", "a map");
    is_message(BYTES(SECTION("\x76") "\x45"), ",\"headers\":{}", "a sequence");
    is_message(BYTES("\x00\x80\x00\x00\x00\x00\x00\x00\x00\x75\xa0\x01x"), ",\"headers\":{},\"text\":\"x\"",
               "a long descriptor");
    is_message(BYTES(SECTION("\x75") "\xa1\x01x"), NULL, "data is binary");
    is_message(BYTES(SECTION("\x79") "\x40"), NULL, "an unknown section");
    is_message(BYTES("\x40"), NULL, "no section");
    is_message(BYTES(SECTION("\x75") "\xa0\x05hi"), NULL, "a message that is cut off");
}

static void test_sections(void)
{
    is_message(BYTES(SECTION("\x73") "\xc0\x0a\x02\xa1\x02id\xa0\x03\x00\xff"
                                     "u"),
               ",\"headers\":{\"message-id\":\"id\",\"user-id\":\"\\u0000\xef\xbf\xbdu\"}",
               "properties, the first two");
    is_message(BYTES(SECTION("\x73") "\xc0\x0e\x0d\x40\x40\x40\x40\x40\x40\x40\x40\x40\x40\x40\x43\x40"),
               ",\"headers\":{}", "properties that say nothing");
    is_message(BYTES(SECTION("\x74") "\xc1\x0d\x04\xa1\x02to\xa1\x01x\xa1\x01n\x54\x01"),
               ",\"headers\":{\"amqp.application.property:to\":\"x\",\"n\":\"1\"}", "application properties");
    is_message(BYTES(SECTION("\x74") "\xc1\x05\x02\x54\x07\x54\x08"), ",\"headers\":{\"7\":\"8\"}",
               "a key that is a number");
    is_message(BYTES(SECTION("\x72") "\xc1\x07\x02\xa3\x01k\xa1\x01v"),
               ",\"headers\":{\"amqp.message.annotation:k\":\"v\"}", "annotations");
    is_message(BYTES(SECTION("\x71") "\xc1\x07\x02\xa3\x01k\xa1\x01v" SECTION("\x78") "\xc1\x01\x00"),
               ",\"headers\":{}", "delivery annotations and footer are the transport's");
    is_message(BYTES(SECTION("\x74") "\xc1\x04\x02\xa1\x05x"), NULL, "a map that is broken inside");
    is_message(BYTES(SECTION("\x73") "\xc1\x01\x00"), NULL, "properties are no map");
}

static void test_header(void)
{
    struct amqp10_message m = {0};
    struct slice encoded =
        BYTES(SECTION("\x70") "\xc0\x07\x05\x42\x40\x40\x42\x52\x09" SECTION("\x75") "\xa0\x00");
    ok(amqp10_message_read(&m, encoded) == 0 && m.delivery_count == 9, "the delivery count of the header");
    encoded = BYTES(SECTION("\x70") "\xc0\x02\x01\x42");
    ok(amqp10_message_read(&m, encoded) == 0 && m.delivery_count == 0, "a header without one");
    ok(amqp10_message_read(&m, BYTES(SECTION("\x77") "\xc1\x01\x00")) == 0 && !m.payload.p &&
           slice_eq(slice_str(m.body), S("a map")),
       "what a body is that becomes no payload");
    amqp10_message_free(&m);
}

/* Every prefix of a message, and every message with one byte changed, is read or refused, within its bounds. */
static void test_mutations(void)
{
    static const char whole[] =
        SECTION("\x70") "\xc0\x07\x05\x42\x40\x40\x42\x52\x09" SECTION("\x73") "\xc0\x0a\x02\xa1\x02id\xa0\x03\x00\xffu" SECTION(
            "\x74") "\xc1\x0d\x04\xa1\x02to\xa1\x01x\xa1\x01n\x54\x01" SECTION("\x75") "\xa0\x02hi";
    struct amqp10_message m = {0};
    size_t read = 0, n = sizeof whole - 1;
    for (size_t len = 0; len <= n; len++)
        for (size_t at = 0; at < n; at++)
            for (int byte = 0; byte < 256; byte += 5) {
                char *copy = xmalloc(len + 1); /* of its own, so that a sanitizer sees every step beyond it */
                struct buf line = {0};
                memcpy(copy, whole, len);
                if (at < len)
                    copy[at] = (char)byte;
                if (amqp10_message_read(&m, slice_of(copy, len)) == 0) {
                    amqp10_message_put(&line, &m);
                    read++;
                }
                buf_free(&line);
                free(copy);
                if (at >= len)
                    break;
            }
    amqp10_message_free(&m);
    ok(read > 0, "mutations do no harm (%zu were messages)", read);
}

int main(void)
{
    test_scalars();
    test_floating();
    test_malformed();
    test_items();
    test_bodies();
    test_sections();
    test_header();
    test_mutations();
    return done();
}
