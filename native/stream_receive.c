/* Frames out of a byte stream: one system call for as many as there are. See stream.c. */
#include "stream.h"
#include <errno.h>
#include <string.h>

/* Length of the frame at `st->at`; 0: it is not whole, -1: nobody sends such a frame. */
static int32_t next_frame(const struct tl_burst *b, const struct stream *st)
{
    uint32_t slot = (uint32_t)(b->words[TL_STRIDE] - b->words[TL_HEADROOM]);
    if (st->end - st->at < LENGTH_BYTES) return 0;
    uint32_t length;
    memcpy(&length, st->in + st->at, LENGTH_BYTES);
    length = ntohl(length);
    if (length == 0 || length > FRAME_MAX || length > slot) return -1;
    return st->end - st->at - LENGTH_BYTES < length ? 0 : (int32_t)length;
}

/* Hands over up to `asked` whole frames; *bad if there is a length that cannot be. */
static int hand_over(struct tl_burst *b, struct stream *st, struct member *m, int slot, int asked, int *bad)
{
    int got = 0;
    while (got < asked) {
        int32_t length = next_frame(b, st);
        if (length < 0) *bad = 1;
        if (length <= 0) break;
        memcpy(burst_slot(b, slot + got), st->in + st->at + LENGTH_BYTES, (size_t)length);
        burst_plain_row(b, m, slot + got++, length);
        st->at += LENGTH_BYTES + (uint32_t)length;
    }
    return got;
}

/* Bytes that came, 0 at the end, or -errno. There is room: less than one frame is left over. */
static ssize_t fill(struct stream *st, int fd)
{
    memmove(st->in, st->in + st->at, st->end - st->at);
    st->end -= st->at;
    st->at = 0;
    ssize_t got = recv(fd, st->in + st->end, IN_ROOM - st->end, MSG_DONTWAIT);
    if (got > 0) st->end += (uint32_t)got;
    return got < 0 ? -errno : got;
}

int stream_receive(struct tl_burst *b, int fd, struct member *m, int slot, int room)
{
    struct stream *st = stream_of(fd);
    if (!st) {
        burst_gone(b, fd, EBADF);
        return 0;
    }
    burst_renew(b, m);
    int asked = burst_affordable(m), bad = 0;
    if (asked > QUANTUM) asked = QUANTUM;
    if (asked > room) asked = room;
    m->largest = 0;
    int got = hand_over(b, st, m, slot, asked, &bad);
    ssize_t filled = -EAGAIN;
    if (got < asked && !bad) {
        filled = fill(st, fd);
        if (filled > 0) got += hand_over(b, st, m, slot + got, asked - got, &bad);
    }
    if (got < asked) m->credit = 0;
    if (bad) burst_gone(b, fd, EPROTO);
    else if (filled == 0) burst_gone(b, fd, EPIPE);
    else if (filled < 0 && filled != -EAGAIN && filled != -EINTR) burst_gone(b, fd, (int)-filled);
    else if (next_frame(b, st) != 0) burst_again(b, fd); /* no news will come of what is here already */
    return got;
}
