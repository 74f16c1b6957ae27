/* The policy of iptables' old back end, x_tables, of which nf_tables tells nothing. */
#include "taploom.h"
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENTRIES_MAX (64u << 20)

/* The numbers and layouts of IPv6's options are those of IPv4, and only an entry has its own. */
_Static_assert((int)IPT_SO_GET_INFO == (int)IP6T_SO_GET_INFO && (int)IPT_SO_GET_ENTRIES == (int)IP6T_SO_GET_ENTRIES, "options");
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "getinfo");
_Static_assert(sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries), "get_entries");

/* The standard target of the entry at `at`, where a chain ends. */
static int verdict_at(const char *table, uint32_t size, uint32_t at, int family)
{
    uint32_t head = family == AF_INET6 ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
    if (at > size || size - at < head) return -EBADMSG;
    uint32_t target = family == AF_INET6 ? ((const struct ip6t_entry *)(table + at))->target_offset
                                         : ((const struct ipt_entry *)(table + at))->target_offset;
    if (size - at < target || size - at - target < sizeof(struct xt_standard_target)) return -EBADMSG;
    int verdict = ((const struct xt_standard_target *)(table + at + target))->verdict;
    return -verdict - 1; /* as the kernel keeps NF_DROP and NF_ACCEPT there */
}

static int forward_policy(int sock, int family)
{
    int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    struct ipt_getinfo info = { .name = "filter" };
    socklen_t length = sizeof info;
    if (getsockopt(sock, level, IPT_SO_GET_INFO, &info, &length) < 0) return -errno;
    if (info.size > ENTRIES_MAX) return -EFBIG;
    length = (socklen_t)(sizeof(struct ipt_get_entries) + info.size);
    struct ipt_get_entries *entries = calloc(1, length);
    if (!entries) return -ENOMEM;
    memcpy(entries->name, info.name, sizeof entries->name);
    entries->size = info.size;
    int result = getsockopt(sock, level, IPT_SO_GET_ENTRIES, entries, &length) < 0
        ? -errno : verdict_at((const char *)entries->entrytable, info.size, info.underflow[NF_INET_FORWARD], family);
    free(entries);
    return result;
}

int tl_iptables_forward_policy(int netns, int family)
{
    int sock = tl_socket_in(netns, family, SOCK_RAW, IPPROTO_RAW);
    if (sock < 0) return sock;
    int result = forward_policy(sock, family);
    close(sock);
    return result;
}
