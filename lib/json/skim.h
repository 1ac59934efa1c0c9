/* skim.h: the members of an object whose text was not checked, for who touches little of a line and forwards the rest.
 *
 * Any text is safe to skim. Only the level at hand is looked at: brackets and quotes must pair up, members be "key": value,
 * joined by commas; what stands inside of values is not checked, nor are numbers, words, escapes or UTF-8. So a value that is
 * to be used goes through json_parse or is skimmed itself first, and a key is for skim_key_is.
 *
 *   struct skim s = skim_of(text); while (skim_next(&s)) use s.key (raw), s.value … if (!s.whole) it is no object */
#ifndef JSON_SKIM_H
#define JSON_SKIM_H

#include "json/json.h"

struct skim {
    const char *p, *end;
    bool first, whole;  /* whole: the end was reached, and nothing follows it */
    bool escaped;       /* the key holds escapes, good or bad ones */
    bool value_escaped; /* one of the values so far, if it was a string, did so */
    struct slice key;
    struct json value;
};

struct skim skim_of(struct slice text);
bool skim_next(struct skim *s);

/* Has a key that was skimmed no bad escapes? Only then json_key_is and json_raw_text are for it. */
bool skim_key_sound(struct slice raw_key);
/* Does the raw key spell this name? One with bad escapes spells nothing. */
bool skim_key_is(struct slice raw_key, struct slice name);
/* The last member of that name, JSON_ABSENT if there is none. A fault ends the search without notice. */
struct json skim_get(struct slice text, struct slice name);
/* json_text of a string that was skimmed; SLICE_NONE if it is none, or its escapes are bad. */
struct slice skim_text(struct json v, struct buf *scratch);

#endif
