/* banned.h: functions that this code base does not use.
 *
 * Include last, after every system header. Each of these is unbounded, keeps hidden state, or hides its
 * errors; the replacement stands beside it. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#define BANNED(f) sorry_##f##_is_banned

#undef strcpy
#define strcpy(d, s) BANNED(strcpy) /* memcpy with a known length, or buf_put */
#undef strcat
#define strcat(d, s) BANNED(strcat) /* buf_put */
#undef sprintf
#define sprintf(...) BANNED(sprintf) /* snprintf, or buf_printf */
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf) /* vsnprintf */
#undef strtok
#define strtok(s, d) BANNED(strtok) /* slice_cut */
#undef gmtime
#define gmtime(t) BANNED(gmtime) /* gmtime_r, or clock_iso */
#undef localtime
#define localtime(t) BANNED(localtime) /* localtime_r */
#undef atoi
#define atoi(s) BANNED(atoi) /* scan_u64 */
#undef atol
#define atol(s) BANNED(atol) /* scan_u64 */

#endif
