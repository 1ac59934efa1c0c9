/* json-mutate.c: damaged documents. Whatever the scanner accepts, the rest of lib/json must be able to walk, and a
 * compact copy of it must say the same. Each document lies in memory of its own size, for the sanitizer's sake.
 * With CONN_LONG=1 a second opinion is asked for: Python's parser must come to the same verdict on every document. */
#include <stdlib.h>

#include "base/scan.h"
#include "json/json.h"
#include "tap.h"

#include "base/banned.h"

enum { DOCUMENTS = 200000, LONG_DOCUMENTS = 2000000, MOST_BYTES = 2048 };

static const char *const seeds[] = {
    "{\"topic\":\"a/b/things/twin/events/modified\",\"headers\":{\"x\":[1,-2.50e+3,true,null]},\"path\":\"/\"}",
    "{\"id\":\"ab-1/2\",\"status\":204,\"error\":{\"status\":400,\"message\":\"no \\\"x\\\" \\u00e4 \\ud83d\\ude00\"}}",
    "[[[[]]],{\"a\":{\"a\":{\"a\":[{}]}}},\"\",\"\\\\\",0,-0.0e-0,12345678901234567890,1e400]",
    " { \"a\" : [ \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\" , false ] , \"a\" : \"\\b\\f\\n\\r\\t\\/\" } \n",
    "\"text of more than one word, with \xef\xbf\xbf and \xed\x9f\xbf and \x7f in it\"",
};
static const char *const tokens[] = {
    "{",        "}",        "[",
    "]",        ",",        ":",
    "\"",       "\\",       "\\\"",
    "\\u",      "\\ud83d",  "\\u0000",
    "\\udc00",  "true",     "false",
    "null",     "-",        "0",
    "1",        ".",        "e",
    "E+",       " ",        "\n",
    "\t",       "\x01",     "\x1f",
    "\x7f",     "\x80",     "\xc3",
    "\xbf",     "\xe0",     "\xed\xa0\x80",
    "\xf0",     "\xff",     "\"a\":",
    "[[[[[[[[", "]]]]]]]]", "NaN",
    "'",
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint64_t state = 20240106;

static size_t below(size_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)((state >> 11) % n);
}

/* Replaces drop bytes at a random place with add. */
static void edit(char *doc, size_t *len, size_t drop, struct slice add)
{
    size_t at = below(*len + 1);
    if (drop > *len - at)
        drop = *len - at;
    if (*len - drop + add.len > MOST_BYTES)
        return;
    memmove(doc + at + add.len, doc + at + drop, *len - at - drop);
    memcpy(doc + at, add.p, add.len);
    *len += add.len - drop;
}

static struct slice part(struct slice s)
{
    size_t from = below(s.len + 1);
    return slice_of(s.p + from, below(s.len - from + 1));
}

static void mutate(char *doc, size_t *len)
{
    char any = (char)below(256);
    char self[MOST_BYTES];
    struct slice piece;
    switch (below(6)) {
    case 0: edit(doc, len, 1, slice_of(&any, 1)); break;
    case 1: edit(doc, len, below(2), slice_str(tokens[below(COUNT(tokens))])); break;
    case 2: edit(doc, len, below(4), S("")); break;
    case 3:
        piece = part(slice_of(doc, *len));
        memcpy(self, piece.p, piece.len);
        edit(doc, len, below(8), slice_of(self, piece.len));
        break;
    case 4: edit(doc, len, below(8), part(slice_str(seeds[below(COUNT(seeds))]))); break;
    case 5: *len = below(8) ? *len : below(*len + 1); break;
    }
}

/* Everything in v is looked at; returns how many values there are. */
static size_t walk(struct json v, struct buf *scratch)
{
    size_t n = 1;
    int64_t number;
    json_int(v, &number);
    json_text(v, scratch);
    struct json_iter it = json_iter(v);
    while (json_next(&it)) {
        if (it.object) {
            json_raw_text(it.key, scratch);
            n += json_get(v, it.key).type == JSON_ABSENT && !memchr(it.key.p, '\\', it.key.len);
        }
        n += walk(it.value, scratch);
        buf_cut(scratch, 0);
    }
    return n;
}

/* The compact copy parses, holds as many values, and is its own compact copy. */
static bool copies(struct json v)
{
    static struct buf scratch, once, twice;
    struct json again;
    buf_cut(&once, 0);
    buf_cut(&twice, 0);
    json_put_compact(&once, v);
    if (json_parse(buf_slice(&once), &again, NULL) < 0 || walk(v, &scratch) != walk(again, &scratch))
        return false;
    json_put_compact(&twice, again);
    return slice_eq(buf_slice(&once), buf_slice(&twice));
}

static bool texts_valid(struct json v)
{
    static struct buf scratch;
    buf_cut(&scratch, 0);
    struct slice text = json_text(v, &scratch);
    return !text.p || utf8_valid(text);
}

/* The verdict goes to the second opinion as a line: 1 or 0, and the document in hexadecimal. */
static void tell(FILE *judge, bool accepted, struct slice doc)
{
    fprintf(judge, "%d ", accepted);
    for (size_t i = 0; i < doc.len; i++)
        fprintf(judge, "%02x", (unsigned char)doc.p[i]);
    putc('\n', judge);
}

static const char second_opinion[] = "python3 -c '\n"
                                     "import json, sys\n"
                                     "def no(word): raise ValueError(word)\n"
                                     "wrong = 0\n"
                                     "for line in sys.stdin:\n"
                                     "    ours, _, doc = line.rstrip(\"\\n\").partition(\" \")\n"
                                     "    doc = bytes.fromhex(doc)\n"
                                     "    try:\n"
                                     "        json.loads(doc.decode(\"utf-8\"), parse_constant=no)\n"
                                     "        theirs = \"1\"\n"
                                     "    except ValueError:\n"
                                     "        theirs = \"0\"\n"
                                     "    if ours != theirs:\n"
                                     "        print(\"# ours\", ours, \"theirs\", theirs, doc, flush=True)\n"
                                     "        wrong += 1\n"
                                     "sys.exit(wrong != 0)\n"
                                     "'";

int main(void)
{
    bool is_long = getenv("CONN_LONG") != NULL;
    size_t documents = is_long ? LONG_DOCUMENTS : DOCUMENTS, accepted = 0, broken = 0, outside = 0;
    FILE *judge = NULL;
    if (is_long && !(judge = popen(second_opinion, "w")))
        return 111;
    char doc[MOST_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < documents; i++) {
        if (below(4) == 0 || len == 0) { /* else the damage goes on where it was */
            struct slice seed = slice_str(seeds[below(COUNT(seeds))]);
            memcpy(doc, seed.p, seed.len);
            len = seed.len;
        }
        for (size_t n = below(3) + 1; n > 0; n--)
            mutate(doc, &len);
        char *exact = malloc(len ? len : 1);
        memcpy(exact, doc, len);
        struct json v;
        struct json_error err = {0, ""};
        bool good = json_parse(slice_of(exact, len), &v, &err) == 0;
        accepted += good;
        broken += good && (!copies(v) || !texts_valid(v));
        outside += !good && err.offset > len;
        if (judge)
            tell(judge, good, slice_of(exact, len));
        free(exact);
    }
    ok(accepted > documents / 50, "of %zu damaged documents some are accepted", documents);
    printf("# accepted: %zu\n", accepted);
    is_int((long long)broken, 0, "each of those can be walked and copied");
    is_int((long long)outside, 0, "no fault lies outside its document");
    if (judge)
        is_int(pclose(judge), 0, "a second parser comes to the same verdicts");
    return done();
}
