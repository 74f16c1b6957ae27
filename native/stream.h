/* What is native of a connected socket: of a byte stream (stream.c, stream_receive.c), or of datagrams that wait (datagrams.c). */
#ifndef TAPLOOM_STREAM_H
#define TAPLOOM_STREAM_H

#include "burst.h"
#include <pthread.h>
#include <sys/epoll.h>

#define LENGTH_BYTES 4
#define FRAME_MAX (65535 + 14 + 8) /* what a slot of the caller's holds: FRAME_ROOM */
#define IN_ROOM (128 * 1024)       /* the longest frame, and a burst of ordinary ones */

struct stream {
    pthread_mutex_t lock;
    int watcher; /* epoll set of the worker that reads, -1: none yet */
    uint64_t cookie;
    uint32_t rest_at, rest_end;
    uint32_t at, end;
    uint8_t rest[LENGTH_BYTES + FRAME_MAX + LENGTH_BYTES];
    uint8_t in[IN_ROOM];
};

struct stream *stream_of(int fd);
/* Under the lock: what the worker that reads wants to hear of from now on. */
void stream_ask(struct stream *st, int fd, uint32_t events);

#endif
