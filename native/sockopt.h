/* What sockets of all kinds are told in the same words. */
#ifndef TAPLOOM_SOCKOPT_H
#define TAPLOOM_SOCKOPT_H

#include <errno.h>
#include <sys/socket.h>

static inline int option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

/* Room for `bytes`, beyond the limit of the system for who may (SO_RCVBUFFORCE), otherwise up to it (SO_RCVBUF). */
static inline int buffer_size(int fd, int forced, int ordinary, int bytes)
{
    int result = option(fd, SOL_SOCKET, forced, bytes);
    return result < 0 ? option(fd, SOL_SOCKET, ordinary, bytes) : result;
}

#endif
