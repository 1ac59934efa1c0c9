/* mqtt_io.h: between libmosquitto and the kernel: whole blocks, and a connect that does not block.
 *
 * libmosquitto 2.0 asks the kernel for every few bytes: three reads for a PUBACK, a write for a PUBLISH, one more to wake a
 * thread that is not there; together two thirds of what a QoS 1 message costs. And it takes the properties of a CONNECT
 * only in a call that waits for TCP. It has no hook for either, but it calls read, write and connect of the C library,
 * so a program that puts MQTT_IO_STAND_IN at its file scope is called instead.
 *
 * Only the attached socket is buffered (never one with TLS), and only the connect of mqtt_io_connecting does not block;
 * all else goes to the kernel as it is. In a program without the stand-in, and with AddressSanitizer, which stands
 * there itself, nothing is called, and everything works unbuffered. One socket a process. */
#ifndef TRANSPORT_MQTT_IO_H
#define TRANSPORT_MQTT_IO_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

/* The socket to buffer. */
void mqtt_io_attach(int fd);
/* What was gathered is flushed as far as that does not block; then no socket is buffered. */
void mqtt_io_detach(void);
/* The same, but nothing more is written. */
void mqtt_io_abandon(void);
/* Bytes were read that libmosquitto has not taken yet: poll does not know of them. */
bool mqtt_io_unread(void);
/* 1: all is written; 0: something is left (poll for POLLOUT); -1 with errno: the connection is gone. */
int mqtt_io_flush(void);
/* While true, connect does not wait. */
void mqtt_io_connecting(bool on);
/* How often each was called for the attached socket, or to connect: whether the library still comes this way. */
struct mqtt_io_calls {
    unsigned long reads, writes, connects;
};
extern struct mqtt_io_calls mqtt_io_calls;

ssize_t mqtt_io_read(int fd, void *p, size_t n);
ssize_t mqtt_io_write(int fd, const void *p, size_t n);
int mqtt_io_connect(int fd, const struct sockaddr *address, socklen_t size);

#define MQTT_IO_STAND_IN_CONNECT                                                                             \
    int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)                                        \
    {                                                                                                        \
        return mqtt_io_connect(fd, address.__sockaddr__, size);                                              \
    }
#ifdef __SANITIZE_ADDRESS__
#define MQTT_IO_STAND_IN MQTT_IO_STAND_IN_CONNECT
#else
#define MQTT_IO_STAND_IN                                                                                     \
    ssize_t read(int fd, void *p, size_t n)                                                                  \
    {                                                                                                        \
        return mqtt_io_read(fd, p, n);                                                                       \
    }                                                                                                        \
    ssize_t write(int fd, const void *p, size_t n)                                                           \
    {                                                                                                        \
        return mqtt_io_write(fd, p, n);                                                                      \
    }                                                                                                        \
    MQTT_IO_STAND_IN_CONNECT
#endif

#endif
