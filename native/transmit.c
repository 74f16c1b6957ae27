/* One call of the poll's second half: every entry is sent, in order, and has its result written beside it. */
#include "vhost_burst.h"
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static size_t total_of(const struct iovec *pieces, int count)
{
    size_t total = 0;
    for (int i = 0; i < count; i++) total += pieces[i].iov_len;
    return total;
}

static void gather(char *to, const struct iovec *pieces, int count)
{
    for (int i = 0; i < count; i++) to = mempcpy(to, pieces[i].iov_base, pieces[i].iov_len);
}

static ssize_t write_frame(int fd, const struct iovec *pieces, int count)
{
    char frame[GATHER_MAX];
    size_t total = total_of(pieces, count);
    if (count == 1) return write(fd, pieces[0].iov_base, total);
    if (total > sizeof frame) return writev(fd, pieces, count);
    gather(frame, pieces, count);
    return write(fd, frame, total);
}

static int32_t transmit_tap(struct tl_burst *b, const int32_t *row)
{
    struct iovec pieces[TL_PIECES];
    int count = burst_collect(b, row, pieces);
    if (!count) return -EFAULT;
    for (int tries = 0; tries < EINTR_TRIES; tries++) {
        ssize_t sent = write_frame(row[TL_TX_FD], pieces, count);
        if (sent >= 0) return (int32_t)sent;
        if (errno != EINTR) return -errno;
    }
    return -EINTR;
}

static void put_frame(struct tl_burst_state *s, int n, int fd, int count)
{
    struct iovec *pieces = s->frames[n];
    size_t total = total_of(pieces, count);
    if (total > GATHER_MAX) {
        uring_put(s->uring, URING_WRITEV, fd, pieces, (size_t)count);
    } else {
        gather(s->gathered[n], pieces, count);
        uring_put(s->uring, URING_WRITE, fd, s->gathered[n], total);
    }
}

/* `run` well-formed entries, already collected. Returns how many were dealt with. */
static int write_run(struct tl_burst *b, int32_t *rows, int run, const uint8_t *counts)
{
    int32_t results[URING_MAX];
    for (int n = 0; n < run; n++) put_frame(b->state, n, rows[TL_ROW * n + TL_TX_FD], counts[n]);
    int done = burst_run(b, run, results);
    for (int n = 0; n < done; n++) rows[TL_ROW * n + TL_TX_RESULT] = results[n];
    return done;
}

/* A run of entries for TAPs, as far as they are well formed. Returns the rows it dealt with, at least one. */
static int transmit_taps(struct tl_burst *b, int32_t *rows, int count)
{
    struct tl_burst_state *s = b->state;
    uint8_t counts[URING_MAX];
    int run = 0;
    while (s->uring && run < count && run < URING_MAX && rows[TL_ROW * run + TL_TX_KIND] == TL_KIND_TAP &&
           (counts[run] = (uint8_t)burst_collect(b, rows + TL_ROW * run, s->frames[run])))
        run++;
    if (run >= URING_WORTH && (run = write_run(b, rows, run, counts)) > 0) return run;
    rows[TL_TX_RESULT] = transmit_tap(b, rows);
    return 1;
}

/* Lays the entry down as message `i`; false if it is not well formed. */
static int prepare_datagram(struct tl_burst *b, const int32_t *row, int i)
{
    struct tl_burst_state *s = b->state;
    struct msghdr *h = &s->messages[i].msg_hdr;
    int count = burst_collect(b, row, s->pieces[i]);
    if (!count || !burst_address(b, row, h, s->control[i])) return 0;
    h->msg_iov = s->pieces[i];
    h->msg_iovlen = (size_t)count;
    return 1;
}

/* The same for a connected socket. */
static int prepare_message(struct tl_burst *b, const int32_t *row, int i)
{
    struct tl_burst_state *s = b->state;
    int count = burst_collect(b, row, s->pieces[i]);
    s->messages[i].msg_hdr = (struct msghdr){ .msg_iov = s->pieces[i], .msg_iovlen = (size_t)count };
    return count > 0;
}

/* Sends the messages laid down for `count` consecutive rows; an error costs the one message it is about. */
static void send_run(struct tl_burst *b, int32_t *rows, int count)
{
    struct tl_burst_state *s = b->state;
    int done = 0, interrupted = 0;
    while (done < count) {
        int fd = rows[TL_TX_FD];
        int sent = sendmmsg(fd, s->messages + done, (unsigned)(count - done), MSG_DONTWAIT | MSG_NOSIGNAL);
        int error = sent < 0 ? errno : 0;
        if (error == EINTR && ++interrupted < EINTR_TRIES) continue;
        for (int i = 0; i < sent; i++, done++)
            rows[TL_ROW * done + TL_TX_RESULT] = (int32_t)s->messages[done].msg_len;
        if (sent > 0) continue;
        /* A peer that is slow is slow for all of them: only datagrams that go elsewhere are worth a try of their own. */
        int failed = error == EAGAIN && rows[TL_TX_KIND] >= TL_KIND_PACKETS ? count - done : 1;
        while (failed-- > 0) rows[TL_ROW * done++ + TL_TX_RESULT] = error ? -error : -EIO;
    }
}

/* A run of entries for one socket, as far as they are well formed. Returns the rows it dealt with, at least one. */
static int transmit_messages(struct tl_burst *b, int32_t *rows, int count,
                             int (*prepare)(struct tl_burst *, const int32_t *, int))
{
    int run = 0;
    while (run < count && run < SEND_BURST && rows[TL_ROW * run + TL_TX_KIND] == rows[TL_TX_KIND] &&
           rows[TL_ROW * run + TL_TX_FD] == rows[TL_TX_FD] && prepare(b, rows + TL_ROW * run, run))
        run++;
    if (run == 0) {
        rows[TL_TX_RESULT] = -EFAULT;
        return 1;
    }
    if (rows[TL_TX_KIND] != TL_KIND_DATAGRAMS || !datagrams_send(b, rows, run)) send_run(b, rows, run);
    return run;
}

int burst_transmit(struct tl_burst *b)
{
    int count = b->words[TL_TX_COUNT];
    if (!b->state) return -EBADF;
    if (count < 0 || count > b->words[TL_TX_CAPACITY]) return -EINVAL;
    for (int i = 0; i < count;) {
        int32_t *row = b->tx + TL_ROW * i;
        switch (row[TL_TX_KIND]) {
        case TL_KIND_TAP:
            i += transmit_taps(b, row, count - i);
            break;
        case TL_KIND_UDP:
            i += transmit_messages(b, row, count - i, prepare_datagram);
            break;
        case TL_KIND_SEGMENTS:
            row[TL_TX_RESULT] = segments_transmit(b, row);
            i++;
            break;
        case TL_KIND_STREAM:
            i += stream_transmit(b, row, count - i);
            break;
        case TL_KIND_PACKETS:
        case TL_KIND_DATAGRAMS:
            i += transmit_messages(b, row, count - i, prepare_message);
            break;
        case TL_KIND_PACKET:
            i += transmit_messages(b, row, count - i, burst_prepare_packet);
            break;
        case TL_KIND_VHOST:
            i += burst_put_vhost(b, row, count - i);
            break;
        default:
            row[TL_TX_RESULT] = -EINVAL;
            i++;
        }
    }
    burst_tell_vhost(b);
    return count;
}
