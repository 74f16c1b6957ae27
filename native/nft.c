/*
 * Keeps the host's own stack away from an interface: an nftables table of family netdev whose one chain, on the ingress
 * hook of the device, drops everything. Packet sockets see a frame before that hook. The table is owned by the netlink
 * socket (NFT_TABLE_F_OWNER, Linux 5.12): the kernel removes it when the socket is closed, however its process ends.
 */
#include "taploom.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifndef NFT_TABLE_F_OWNER
#define NFT_TABLE_F_OWNER 2
#endif
#define ANSWERS_MAX 8

/* Several messages in a row: nftables carries out a batch as a whole or not at all. */
struct batch {
    _Alignas(struct nlmsghdr) char bytes[1024];
    size_t length;
    struct nlmsghdr *message;
};

static void start(struct batch *b, int type, int flags, int family, int resource)
{
    struct nlmsghdr *h = (struct nlmsghdr *)(b->bytes + b->length);
    struct nfgenmsg *body = NLMSG_DATA(h);
    h->nlmsg_len = NLMSG_LENGTH(sizeof *body);
    h->nlmsg_type = (uint16_t)type;
    h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    body->nfgen_family = (uint8_t)family;
    body->version = NFNETLINK_V0;
    body->res_id = htons((uint16_t)resource);
    b->message = h;
    b->length += h->nlmsg_len;
}

static struct nlattr *attribute(struct batch *b, int type, const void *data, size_t length)
{
    struct nlattr *a = (struct nlattr *)(b->bytes + b->length);
    a->nla_type = (uint16_t)type;
    a->nla_len = (uint16_t)(NLA_HDRLEN + length);
    if (length) memcpy((char *)a + NLA_HDRLEN, data, length);
    b->length += NLA_ALIGN(a->nla_len);
    b->message->nlmsg_len += NLA_ALIGN(a->nla_len);
    return a;
}

static void text(struct batch *b, int type, const char *value) { attribute(b, type, value, strlen(value) + 1); }

static void number(struct batch *b, int type, int value)
{
    uint32_t big = htonl((uint32_t)value);
    attribute(b, type, &big, sizeof big);
}

static void table_message(struct batch *b, int type, int flags, int name_type, const char *table)
{
    start(b, NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_ACK | flags, NFPROTO_NETDEV, 0);
    text(b, name_type, table);
}

/* As many answers as messages that asked for one; the first error among them counts. */
static int answers(int sock, int count)
{
    _Alignas(struct nlmsghdr) char reply[4096];
    int result = 0;
    for (int reads = 0; count > 0 && reads < ANSWERS_MAX; reads++) {
        ssize_t length = recv(sock, reply, sizeof reply, 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return errno == EAGAIN ? -ETIMEDOUT : -errno;
        for (struct nlmsghdr *h = (struct nlmsghdr *)reply; NLMSG_OK(h, length); h = NLMSG_NEXT(h, length)) {
            if (h->nlmsg_type != NLMSG_ERROR) continue;
            int error = ((struct nlmsgerr *)NLMSG_DATA(h))->error;
            if (error && result == 0) result = error;
            count--;
        }
        if (result < 0) break; /* the batch is void, and not all of its messages are answered */
    }
    return result;
}

/* `again`: the table is there, for a device that has got another name. */
int tl_nft_drop_ingress(int sock, const char *table, const char *device, int again)
{
    struct timeval limit = { .tv_sec = 2 };
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    struct batch b = { .length = 0 };
    memset(b.bytes, 0, sizeof b.bytes);
    if (strlen(table) > 64 || strlen(device) > 64) return -EINVAL;
    if (setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0) return -errno;

    start(&b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    if (again) table_message(&b, NFT_MSG_DELTABLE, 0, NFTA_TABLE_NAME, table);
    table_message(&b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, NFTA_TABLE_NAME, table);
    number(&b, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
    table_message(&b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, NFTA_CHAIN_TABLE, table);
    text(&b, NFTA_CHAIN_NAME, "ingress");
    text(&b, NFTA_CHAIN_TYPE, "filter");
    number(&b, NFTA_CHAIN_POLICY, NF_DROP);
    struct nlattr *hook = attribute(&b, NLA_F_NESTED | NFTA_CHAIN_HOOK, NULL, 0);
    number(&b, NFTA_HOOK_HOOKNUM, NF_NETDEV_INGRESS);
    number(&b, NFTA_HOOK_PRIORITY, 0);
    text(&b, NFTA_HOOK_DEV, device);
    hook->nla_len = (uint16_t)(b.bytes + b.length - (char *)hook);
    start(&b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);

    if (sendto(sock, b.bytes, b.length, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) return -errno;
    return answers(sock, again ? 3 : 2);
}
