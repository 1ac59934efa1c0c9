/* form.h: texts of application/x-www-form-urlencoded, as values of a target topic and of query parameters are.
 *
 * "+" is a blank, "%" and two hexadecimal digits are a byte. Source: URL Standard, "application/x-www-form-urlencoded". */
#ifndef PROTOCOL_FORM_H
#define PROTOCOL_FORM_H

#include "base/buf.h"

/* Appends text decoded; bytes that are no UTF-8 become U+FFFD. 0, or -1 if a "%" is not followed by two digits (what was
 * appended is then worth nothing). */
int form_decode(struct buf *dst, struct slice text);

#endif
