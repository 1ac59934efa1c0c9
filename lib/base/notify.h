/* notify.h: readiness as systemd wants it (Type=notify): a datagram READY=1 to the socket that $NOTIFY_SOCKET names, a
 * path or, with @ in front, an abstract name. Source: sd_notify(3). */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

/* Unsets $NOTIFY_SOCKET: once, and by nobody that we start. Nothing without it; a socket that does not take it is a
 * warning. */
void notify_ready(void);

#endif
