/* js_source.h: the scripts that come with the JavaScript mapper, as they stand in js_….js of this folder (scripts/embed). */
#ifndef MAPPING_JS_SOURCE_H
#define MAPPING_JS_SOURCE_H

#include "base/slice.h"

extern const struct slice js_ditto_source, js_glue_source, js_long_source, js_bytebuffer_source;

#endif
