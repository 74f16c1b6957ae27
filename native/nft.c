/*
 * Keeps the host's own stack away from an interface: an nftables table of family netdev whose one chain, on the ingress
 * hook of the device, drops everything but the tags of VLAN devices on it. Packet sockets see a frame before that hook.
 * The table is owned by the netlink socket (NFT_TABLE_F_OWNER, Linux 5.12): the kernel removes it when the socket is
 * closed, however its process ends.
 *
 *   payload: TPID and TCI -> bitwise: without priority -> lookup in the set of tags -> accept; else the policy, drop
 *
 * The same on a TAP, whose one rule hands every frame to another interface: sys/detour.ts.
 */
#include "taploom.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifndef NFT_TABLE_F_OWNER
#define NFT_TABLE_F_OWNER 2
#endif
#define ANSWERS_MAX 16
#define SET "vlan_devices"
#define SET_ID 1
#define TAG_OFFSET 12 /* of TPID and TCI in a frame; the kernel shows the tag there that it took off */
#define TAG_BYTES 4
#define TAG_MASK 0xffff0fff
#define MAX_TAGS 8192
#define ELEMENT_BYTES (3 * NLA_HDRLEN + TAG_BYTES)
#define ELEMENTS_MAX 2048 /* in a message: a list has 16 bits for its length */
#define BATCH_BYTES 2048  /* without elements */

/* Several messages in a row: nftables carries out a batch as a whole or not at all. */
struct batch {
    char *bytes;
    size_t length;
    struct nlmsghdr *message;
    int answers; /* that the kernel owes */
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
    if (flags & NLM_F_ACK) b->answers++;
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

static struct nlattr *nest(struct batch *b, int type) { return attribute(b, NLA_F_NESTED | type, NULL, 0); }

static void end(struct batch *b, struct nlattr *nested)
{
    nested->nla_len = (uint16_t)(b->bytes + b->length - (char *)nested);
}

/* A value of four bytes in the frame's order. */
static void value(struct batch *b, int type, uint32_t host)
{
    struct nlattr *data = nest(b, type);
    number(b, NFTA_DATA_VALUE, (int)host);
    end(b, data);
}

static void table_message(struct batch *b, int type, int flags, int name_type, const char *table)
{
    start(b, NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_ACK | flags, NFPROTO_NETDEV, 0);
    text(b, name_type, table);
}

static void chain(struct batch *b, const char *table, const char *device)
{
    table_message(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, NFTA_CHAIN_TABLE, table);
    text(b, NFTA_CHAIN_NAME, "ingress");
    text(b, NFTA_CHAIN_TYPE, "filter");
    number(b, NFTA_CHAIN_POLICY, NF_DROP);
    struct nlattr *hook = nest(b, NFTA_CHAIN_HOOK);
    number(b, NFTA_HOOK_HOOKNUM, NF_NETDEV_INGRESS);
    number(b, NFTA_HOOK_PRIORITY, 0);
    text(b, NFTA_HOOK_DEV, device);
    end(b, hook);
}

static void set(struct batch *b, const char *table, const uint32_t *tags, int count)
{
    table_message(b, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, NFTA_SET_TABLE, table);
    text(b, NFTA_SET_NAME, SET);
    number(b, NFTA_SET_ID, SET_ID);
    number(b, NFTA_SET_KEY_LEN, TAG_BYTES);
    for (int from = 0; from < count; from += ELEMENTS_MAX) {
        table_message(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, NFTA_SET_ELEM_LIST_TABLE, table);
        text(b, NFTA_SET_ELEM_LIST_SET, SET);
        number(b, NFTA_SET_ELEM_LIST_SET_ID, SET_ID);
        struct nlattr *list = nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
        for (int i = from; i < count && i < from + ELEMENTS_MAX; i++) {
            struct nlattr *element = nest(b, NFTA_LIST_ELEM);
            value(b, NFTA_SET_ELEM_KEY, tags[i]);
            end(b, element);
        }
        end(b, list);
    }
}

/* The two attributes that an expression opens, for `close_expression`. */
struct expression {
    struct nlattr *item, *data;
};

static struct expression expression(struct batch *b, const char *name)
{
    struct expression e = { .item = nest(b, NFTA_LIST_ELEM) };
    text(b, NFTA_EXPR_NAME, name);
    e.data = nest(b, NFTA_EXPR_DATA);
    return e;
}

static void close_expression(struct batch *b, struct expression e)
{
    end(b, e.data);
    end(b, e.item);
}

/* Opens the list of expressions of a new rule. */
static struct nlattr *rule(struct batch *b, const char *table)
{
    table_message(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFTA_RULE_TABLE, table);
    text(b, NFTA_RULE_CHAIN, "ingress");
    return nest(b, NFTA_RULE_EXPRESSIONS);
}

static void accept_tags(struct batch *b, const char *table)
{
    struct nlattr *list = rule(b, table);

    struct expression e = expression(b, "payload");
    number(b, NFTA_PAYLOAD_DREG, NFT_REG_1);
    number(b, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_LL_HEADER);
    number(b, NFTA_PAYLOAD_OFFSET, TAG_OFFSET);
    number(b, NFTA_PAYLOAD_LEN, TAG_BYTES);
    close_expression(b, e);

    e = expression(b, "bitwise");
    number(b, NFTA_BITWISE_SREG, NFT_REG_1);
    number(b, NFTA_BITWISE_DREG, NFT_REG_1);
    number(b, NFTA_BITWISE_LEN, TAG_BYTES);
    value(b, NFTA_BITWISE_MASK, TAG_MASK);
    value(b, NFTA_BITWISE_XOR, 0);
    close_expression(b, e);

    e = expression(b, "lookup");
    text(b, NFTA_LOOKUP_SET, SET);
    number(b, NFTA_LOOKUP_SET_ID, SET_ID);
    number(b, NFTA_LOOKUP_SREG, NFT_REG_1);
    close_expression(b, e);

    e = expression(b, "immediate");
    number(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    struct nlattr *data = nest(b, NFTA_IMMEDIATE_DATA);
    struct nlattr *verdict = nest(b, NFTA_DATA_VERDICT);
    number(b, NFTA_VERDICT_CODE, NF_ACCEPT);
    end(b, verdict);
    end(b, data);
    close_expression(b, e);

    end(b, list);
}

static void forward(struct batch *b, const char *table, int index)
{
    struct nlattr *list = rule(b, table);

    struct expression e = expression(b, "immediate");
    number(b, NFTA_IMMEDIATE_DREG, NFT_REG_1);
    struct nlattr *data = nest(b, NFTA_IMMEDIATE_DATA);
    attribute(b, NFTA_DATA_VALUE, &index, sizeof index); /* as the machine has it */
    end(b, data);
    close_expression(b, e);

    e = expression(b, "fwd");
    number(b, NFTA_FWD_SREG_DEV, NFT_REG_1);
    close_expression(b, e);

    end(b, list);
}

/* All answers that are owed; the first error among them counts. */
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

/* A batch with room for `elements`, which begins with a new table of ours; instead of the old one if `again`. */
static int begin(struct batch *b, const char *table, int again, size_t elements)
{
    *b = (struct batch){ .bytes = calloc(1, BATCH_BYTES + elements * ELEMENT_BYTES) };
    if (!b->bytes) return -ENOMEM;
    start(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    if (again) table_message(b, NFT_MSG_DELTABLE, 0, NFTA_TABLE_NAME, table);
    table_message(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, NFTA_TABLE_NAME, table);
    number(b, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
    return 0;
}

static int carry_out(struct batch *b, int sock)
{
    struct timeval limit = { .tv_sec = 2 };
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    start(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    int result = setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
                 sendto(sock, b->bytes, b->length, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0
        ? -errno : answers(sock, b->answers);
    free(b->bytes);
    return result;
}

/* `again`: the table is there, and is replaced at once: the device has got another name, or other VLAN devices. */
int tl_nft_drop_ingress(int sock, const char *table, const char *device, int again, const uint32_t *tags, int count)
{
    struct batch b;
    if (strlen(table) > 64 || strlen(device) > 64 || count < 0 || count > MAX_TAGS) return -EINVAL;
    int result = begin(&b, table, again, (size_t)count);
    if (result < 0) return result;
    chain(&b, table, device);
    if (count > 0) {
        set(&b, table, tags, count);
        accept_tags(&b, table);
    }
    return carry_out(&b, sock);
}

/* Whatever `device` receives leaves through the interface `index` instead. */
int tl_nft_forward_ingress(int sock, const char *table, const char *device, int index)
{
    struct batch b;
    if (strlen(table) > 64 || strlen(device) > 64) return -EINVAL;
    int result = begin(&b, table, 0, 0);
    if (result < 0) return result;
    chain(&b, table, device);
    forward(&b, table, index);
    return carry_out(&b, sock);
}
