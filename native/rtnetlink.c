#include "rtnetlink.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void rtnl_start(struct rtnl_message *m, int type, int flags, size_t body)
{
    memset(m, 0, sizeof *m);
    m->header.nlmsg_type = (uint16_t)type;
    m->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    m->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
}

void rtnl_attribute(struct rtnl_message *m, int type, const void *data, size_t length)
{
    struct rtattr *a = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->header.nlmsg_len));
    a->rta_type = (uint16_t)type;
    a->rta_len = (uint16_t)RTA_LENGTH(length);
    memcpy(RTA_DATA(a), data, length);
    m->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(m->header.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

int rtnl_exchange(int sock, struct rtnl_message *m, char *reply, size_t room)
{
    static _Thread_local uint32_t sequence;
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    m->header.nlmsg_seq = ++sequence;
    if (sendto(sock, m, m->header.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) return -errno;
    for (int tries = 0; tries < 8; tries++) {
        ssize_t length = recv(sock, reply, room, 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return errno == EAGAIN ? -ETIMEDOUT : -errno;
        struct nlmsghdr *h = (struct nlmsghdr *)reply;
        if (!NLMSG_OK(h, (size_t)length)) return -EBADMSG;
        if (h->nlmsg_seq != sequence) continue; /* what was left of a request that timed out */
        if (h->nlmsg_type == NLMSG_ERROR) return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
        return 0;
    }
    return -ETIMEDOUT;
}

int rtnl_command(int sock, struct rtnl_message *m)
{
    _Alignas(struct nlmsghdr) char reply[4096];
    m->header.nlmsg_flags |= NLM_F_ACK;
    return rtnl_exchange(sock, m, reply, sizeof reply);
}

int rtnl_dump(int sock, struct rtnl_message *m, void (*each)(struct nlmsghdr *, void *), void *context)
{
    _Alignas(struct nlmsghdr) char reply[RTNL_ROOM];
    m->header.nlmsg_flags |= NLM_F_DUMP;
    if (send(sock, m, m->header.nlmsg_len, 0) < 0) return -errno;
    for (;;) {
        ssize_t length = recv(sock, reply, sizeof reply, 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return errno == EAGAIN ? -ETIMEDOUT : -errno;
        size_t left = (size_t)length;
        for (struct nlmsghdr *h = (struct nlmsghdr *)reply; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            if (h->nlmsg_type == NLMSG_DONE) return 0;
            if (h->nlmsg_type == NLMSG_ERROR) return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
            each(h, context);
        }
    }
}
