/*
 * Frames into a connected datagram socket. Its peer's queue may hold ten datagrams only (net.unix.max_dgram_qlen), fewer than
 * a burst has: what it does not take waits here, in order, until it does; beyond IN_ROOM bytes frames are refused.
 *
 *   in:  | sent | length, datagram | length, datagram | ...      from `at` to `end`, under `lock`
 */
#include "stream.h"
#include <errno.h>
#include <string.h>

static int is_full(int error)
{
    return error == EAGAIN || error == ENOBUFS;
}

/* Sends what waits; 0, or -EAGAIN: some still does. What nobody is there for is given up. */
static int send_waiting(struct stream *st, int fd)
{
    while (st->at < st->end) {
        uint32_t length;
        memcpy(&length, st->in + st->at, sizeof length);
        ssize_t sent = send(fd, st->in + st->at + sizeof length, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && is_full(errno)) return -EAGAIN;
        if (sent < 0) break;
        st->at += (uint32_t)sizeof length + length;
    }
    st->at = st->end = 0;
    return 0;
}

/* Bytes, or -EAGAIN: there is no room. */
static int32_t keep(struct stream *st, const struct iovec *pieces, int count, uint32_t length)
{
    if (sizeof length + length > IN_ROOM - st->end) {
        memmove(st->in, st->in + st->at, st->end - st->at);
        st->end -= st->at;
        st->at = 0;
    }
    if (sizeof length + length > IN_ROOM - st->end) return -EAGAIN;
    memcpy(st->in + st->end, &length, sizeof length);
    st->end += (uint32_t)sizeof length;
    for (int i = 0; i < count; i++) {
        memcpy(st->in + st->end, pieces[i].iov_base, pieces[i].iov_len);
        st->end += (uint32_t)pieces[i].iov_len;
    }
    return (int32_t)length;
}

void datagrams_writable(int fd)
{
    struct stream *st = stream_of(fd);
    if (!st) return;
    pthread_mutex_lock(&st->lock);
    if (send_waiting(st, fd) == 0) stream_ask(st, fd, EPOLLIN);
    pthread_mutex_unlock(&st->lock);
}

/* The messages laid down for `count` consecutive rows of one socket. False: it is no socket that can let frames wait. */
int datagrams_send(struct tl_burst *b, int32_t *rows, int count)
{
    struct tl_burst_state *s = b->state;
    int fd = rows[TL_TX_FD], done = 0;
    struct stream *st = stream_of(fd);
    if (!st) return 0;
    pthread_mutex_lock(&st->lock);
    int error = -send_waiting(st, fd);
    while (!error && done < count) {
        int sent = sendmmsg(fd, s->messages + done, (unsigned)(count - done), MSG_DONTWAIT | MSG_NOSIGNAL);
        for (int i = 0; i < sent; i++, done++) rows[TL_ROW * done + TL_TX_RESULT] = (int32_t)s->messages[done].msg_len;
        if (sent > 0 || (sent < 0 && errno == EINTR)) continue;
        if (sent < 0 && is_full(errno)) error = EAGAIN;
        else rows[TL_ROW * done++ + TL_TX_RESULT] = sent < 0 ? -errno : -EIO;
    }
    for (; done < count; done++) {
        const struct msghdr *h = &s->messages[done].msg_hdr;
        uint32_t length = 0;
        for (size_t i = 0; i < h->msg_iovlen; i++) length += (uint32_t)h->msg_iov[i].iov_len;
        rows[TL_ROW * done + TL_TX_RESULT] = keep(st, h->msg_iov, (int)h->msg_iovlen, length);
    }
    if (st->at < st->end) stream_ask(st, fd, EPOLLIN | EPOLLOUT);
    pthread_mutex_unlock(&st->lock);
    return 1;
}
