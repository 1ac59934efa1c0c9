/* response.h: what is told of a message whose wait is over: the response that came, an error, or all acknowledgements together.
 *
 * Of a message that requests nothing but its built-in label, or of a query, the response itself; else the acknowledgements.
 * Source: mapping reference 4.3, 7.3, 7.5. */
#ifndef HUB_RESPONSE_H
#define HUB_RESPONSE_H

#include "hub/wait.h"

/* Appends the response's object, without id and context; false: there is none. */
bool response_compose(const struct wait *w, struct buf *object);
/* Appends an error line's object: error is its value. */
void response_put_error(struct buf *dst, const struct wait *w, struct slice error, int status);
/* "response", "error" or "nack", as reply targets expect them; SLICE_NONE: it is no answer, but one of a stream of them. */
struct slice response_kind(const struct line *l);

#endif
