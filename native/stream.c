/*
 * Frames over a byte stream, as QEMU's `-netdev stream` sends them: each behind its length, 32 bits in network order.
 *
 *   fd -> streams[fd]:  in:   | handed over | whole frames ... | part of one |        one worker reads
 *                       rest: what the kernel has not taken of the last frame         every worker writes, under `lock`
 *
 * A frame is sent whole or not at all: as long as there is a rest, all others are refused, which is what bounds a slow
 * reader. Its worker sends the rest as soon as the socket is writable.
 */
#include "stream.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FDS (1 << 16)

/* An entry changes only while no worker knows the fd. */
static struct stream *streams[FDS];

struct stream *stream_of(int fd)
{
    return fd >= 0 && fd < FDS ? streams[fd] : NULL;
}

int tl_stream_open(int fd)
{
    if (fd < 0 || fd >= FDS) return -EMFILE;
    if (streams[fd]) return -EEXIST;
    struct stream *st = malloc(sizeof *st);
    if (!st) return -ENOMEM;
    pthread_mutex_init(&st->lock, NULL);
    st->watcher = -1;
    st->rest_at = st->rest_end = st->at = st->end = 0;
    streams[fd] = st;
    return 0;
}

int tl_stream_close(int fd)
{
    struct stream *st = stream_of(fd);
    if (!st) return -ENOENT;
    streams[fd] = NULL;
    pthread_mutex_destroy(&st->lock);
    free(st);
    return 0;
}

int stream_watch(int fd, int epoll, uint64_t cookie)
{
    struct stream *st = stream_of(fd);
    if (!st) return -EBADF;
    pthread_mutex_lock(&st->lock);
    st->watcher = epoll;
    st->cookie = cookie;
    pthread_mutex_unlock(&st->lock);
    return 0;
}

void stream_ask(struct stream *st, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.u64 = st->cookie };
    if (st->watcher >= 0) epoll_ctl(st->watcher, EPOLL_CTL_MOD, fd, &event);
}

/* 0, or why there still is a rest: -EAGAIN, or what the socket died of. */
static int send_rest(struct stream *st, int fd)
{
    while (st->rest_at < st->rest_end) {
        ssize_t sent = send(fd, st->rest + st->rest_at, st->rest_end - st->rest_at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return -errno;
        st->rest_at += (uint32_t)sent;
    }
    return 0;
}

void stream_writable(int fd)
{
    struct stream *st = stream_of(fd);
    if (!st) return;
    pthread_mutex_lock(&st->lock);
    if (send_rest(st, fd) != -EAGAIN) stream_ask(st, fd, EPOLLIN);
    pthread_mutex_unlock(&st->lock);
}

static void keep_rest(struct stream *st, int fd, const struct iovec *pieces, int count, size_t sent)
{
    st->rest_at = st->rest_end = 0;
    for (int i = 0; i < count; i++) {
        size_t length = pieces[i].iov_len, skipped = sent < length ? sent : length;
        memcpy(st->rest + st->rest_end, (char *)pieces[i].iov_base + skipped, length - skipped);
        st->rest_end += (uint32_t)(length - skipped);
        sent -= skipped;
    }
    stream_ask(st, fd, EPOLLIN | EPOLLOUT);
}

/* Under the lock: sends `run` frames of `lengths`, whose pieces follow each other, and writes their results. */
static void send_frames(struct stream *st, int32_t *rows, int run, struct iovec *pieces, int pieces_count,
                        const uint8_t *counts, const size_t *lengths)
{
    int fd = rows[TL_TX_FD];
    ssize_t sent = send_rest(st, fd);
    if (sent == 0) {
        struct msghdr message = { .msg_iov = pieces, .msg_iovlen = (size_t)pieces_count };
        for (int tries = 0; tries < EINTR_TRIES; tries++) {
            sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent >= 0 || errno != EINTR) break;
        }
        if (sent < 0) sent = -errno;
    }
    size_t left = sent > 0 ? (size_t)sent : 0;
    for (int n = 0; n < run; pieces += counts[n++]) {
        int32_t *result = rows + TL_ROW * n + TL_TX_RESULT;
        if (left == 0) {
            *result = sent < 0 ? (int32_t)sent : -EAGAIN;
            continue;
        }
        *result = (int32_t)lengths[n];
        if (left < lengths[n]) keep_rest(st, fd, pieces, counts[n], left);
        left -= left < lengths[n] ? left : lengths[n];
    }
}

/* A run of entries for one stream. Returns the rows it dealt with, at least one. */
int stream_transmit(struct tl_burst *b, int32_t *rows, int count)
{
    struct stream *st = stream_of(rows[TL_TX_FD]);
    struct iovec pieces[SEND_BURST * TL_PIECES];
    uint8_t counts[SEND_BURST];
    size_t lengths[SEND_BURST];
    int run = 0, used = 0;
    while (st && run < count && run < SEND_BURST) {
        const int32_t *row = rows + TL_ROW * run;
        if (row[TL_TX_KIND] != TL_KIND_STREAM || row[TL_TX_FD] != rows[TL_TX_FD]) break;
        int own = burst_collect(b, row, pieces + used);
        size_t length = 0;
        for (int i = 0; i < own; i++) length += pieces[used + i].iov_len;
        if (!own || length == 0 || length > sizeof st->rest) break;
        counts[run] = (uint8_t)own;
        lengths[run++] = length;
        used += own;
    }
    if (run == 0) {
        rows[TL_TX_RESULT] = st ? -EFAULT : -EBADF;
        return 1;
    }
    pthread_mutex_lock(&st->lock);
    send_frames(st, rows, run, pieces, used, counts, lengths);
    pthread_mutex_unlock(&st->lock);
    return run;
}
