/*
 * Requests of netlink(7) that TypeScript wrote: a batch of nf_tables, which the kernel carries out as a whole or not at
 * all, and a request for a list. The socket is the caller's: what an owner table is bound to.
 */
#include "taploom.h"
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif
#define ROOM 8192

/* Messages of the batch that ask for an answer; -1: lengths lie. */
static int count_owed(const uint8_t *bytes, size_t length)
{
    const struct nlmsghdr *h = (const struct nlmsghdr *)bytes;
    int owed = 0;
    for (; NLMSG_OK(h, length); h = NLMSG_NEXT(h, length))
        if (h->nlmsg_flags & NLM_F_ACK) owed++;
    return length == 0 ? owed : -1;
}

/* What an earlier batch left when it failed or timed out. */
static void drain(int sock)
{
    char reply[16];
    while (recv(sock, reply, sizeof reply, MSG_DONTWAIT | MSG_TRUNC) >= 0 || errno == EINTR || errno == ENOBUFS) {}
}

static int prepare(int sock, int length)
{
    int on = 1; /* an error repeats no more than the header of its message */
    if (setsockopt(sock, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on) < 0) return -errno;
    if (setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &length, sizeof length) < 0)
        setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &length, sizeof length);
    return 0;
}

/* The first error ends it: the batch is void, and `failed` is its message's number. */
static int read_answers(int sock, int owed, int32_t *failed)
{
    _Alignas(struct nlmsghdr) char reply[ROOM];
    while (owed > 0) {
        ssize_t length = recv(sock, reply, sizeof reply, 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return errno == EAGAIN ? -ETIMEDOUT : -errno;
        size_t left = (size_t)length;
        for (struct nlmsghdr *h = (struct nlmsghdr *)reply; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            if (h->nlmsg_type != NLMSG_ERROR) continue;
            struct nlmsgerr *answer = NLMSG_DATA(h);
            if (answer->error) {
                *failed = (int32_t)answer->msg.nlmsg_seq;
                return answer->error;
            }
            owed--;
        }
    }
    return 0;
}

int tl_nft_batch(int sock, const uint8_t *bytes, int length, int32_t *failed)
{
    *failed = -1;
    int owed = length < 0 ? -1 : count_owed(bytes, (size_t)length);
    if (owed < 0) return -EINVAL;
    int result = prepare(sock, length);
    if (result < 0) return result;
    drain(sock);
    if (send(sock, bytes, (size_t)length, 0) < 0) return -errno;
    return read_answers(sock, owed, failed);
}

/* Its answer is read with tl_link_dump_next. */
int tl_netlink_ask(int sock, const uint8_t *request, int length)
{
    drain(sock);
    return send(sock, request, (size_t)length, 0) < 0 ? -errno : 0;
}
