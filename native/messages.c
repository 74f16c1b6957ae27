/*
 * Sockets whose messages are frames: connected datagrams and sequenced packets. Runs are read by one recvmmsg, and sent by
 * one sendmmsg (transmit.c).
 */
#include "burst.h"
#include <errno.h>
#include <string.h>

/* What a socket that lives on may report: the fate of an earlier datagram, or that there is nothing. */
static int is_passing(int error, int kind)
{
    if (error == EAGAIN || error == EINTR) return 1;
    return kind == TL_KIND_DATAGRAMS && (error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH);
}

static int read_messages(struct tl_burst *b, int fd, int slot, int asked)
{
    struct tl_burst_state *s = b->state;
    for (int i = 0; i < asked; i++) {
        s->pieces[i][0].iov_base = burst_slot(b, slot + i);
        s->pieces[i][0].iov_len = (size_t)(b->words[TL_STRIDE] - b->words[TL_HEADROOM]);
        s->messages[i].msg_hdr = (struct msghdr){ .msg_iov = s->pieces[i], .msg_iovlen = 1 };
    }
    int got = recvmmsg(fd, s->messages, (unsigned)asked, MSG_DONTWAIT, NULL);
    return got < 0 ? -errno : got;
}

int messages_receive(struct tl_burst *b, int fd, struct member *m, int slot, int room)
{
    struct tl_burst_state *s = b->state;
    burst_renew(b, m);
    int wanted = m->expect < room ? m->expect : room, asked = burst_affordable(m);
    if (asked == 0) return 0;
    if (asked > wanted) asked = wanted;
    int read = read_messages(b, fd, slot, asked), got = 0;
    m->largest = 0;
    for (; got < read; got++) {
        int32_t length = (int32_t)s->messages[got].msg_len;
        if (length == 0 && m->kind == TL_KIND_PACKETS) break; /* the other end has closed it */
        burst_plain_row(b, m, slot + got, length);
        if (s->messages[got].msg_hdr.msg_flags & MSG_TRUNC)
            b->rx[TL_ROW * (slot + got) + TL_RX_FLAGS] = TL_RX_TRUNCATED;
    }
    if (read < asked) m->credit = 0;
    if (read < 0 && !is_passing(-read, m->kind)) burst_gone(b, fd, -read);
    else if (got < read) burst_gone(b, fd, EPIPE);
    else if (read < asked || got == wanted) burst_adapt(s, m, wanted, read < 0 ? 0 : read);
    return got;
}
