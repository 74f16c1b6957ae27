/* The kernel's routes, as far as a tunnel asks for them. */
#include "rtnetlink.h"
#include "taploom.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void add_device(int32_t *words, int index)
{
    if (index == 0 || words[TL_ROUTE_DEVICES] == TL_ROUTE_WORDS - TL_ROUTE_DEVICE) return;
    words[TL_ROUTE_DEVICE + words[TL_ROUTE_DEVICES]++] = index;
}

static void read_metrics(struct rtattr *metrics, int32_t *words)
{
    int left = (int)RTA_PAYLOAD(metrics);
    for (struct rtattr *a = RTA_DATA(metrics); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == RTAX_MTU) memcpy(&words[TL_ROUTE_MTU], RTA_DATA(a), 4);
}

static void read_paths(struct rtattr *paths, int32_t *words)
{
    int left = (int)RTA_PAYLOAD(paths);
    for (struct rtnexthop *path = RTA_DATA(paths); left >= (int)sizeof *path && RTNH_OK(path, left);) {
        add_device(words, path->rtnh_ifindex);
        left -= RTNH_ALIGN(path->rtnh_len);
        path = RTNH_NEXT(path);
    }
}

/*
 * What is configured, not what the kernel made of it: RTM_F_FIB_MATCH gives the route of the table, without the path MTU
 * that ICMP messages lowered. Words: bits of its prefix, its metric `mtu` (0 = none), its interfaces.
 */
int tl_route_get(int sock, const uint8_t *to, const uint8_t *from, int length, int32_t *words)
{
    _Alignas(struct nlmsghdr) char reply[RTNL_ROOM];
    struct rtnl_message m;
    if (length != 4 && length != 16) return -EINVAL;
    rtnl_start(&m, RTM_GETROUTE, 0, sizeof m.route);
    m.route.rtm_family = length == 4 ? AF_INET : AF_INET6;
    m.route.rtm_dst_len = m.route.rtm_src_len = (uint8_t)(length * 8);
    m.route.rtm_flags = RTM_F_FIB_MATCH;
    rtnl_attribute(&m, RTA_DST, to, (size_t)length);
    rtnl_attribute(&m, RTA_SRC, from, (size_t)length);
    int result = rtnl_exchange(sock, &m, reply, sizeof reply);
    if (result < 0) return result;

    struct nlmsghdr *h = (struct nlmsghdr *)reply;
    struct rtmsg *route = NLMSG_DATA(h);
    memset(words, 0, TL_ROUTE_WORDS * sizeof *words);
    words[TL_ROUTE_PREFIX] = route->rtm_dst_len;
    int left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof *route));
    for (struct rtattr *a = RTM_RTA(route); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        switch (a->rta_type) {
        case RTA_OIF: add_device(words, *(int *)RTA_DATA(a)); break;
        case RTA_METRICS: read_metrics(a, words); break;
        case RTA_MULTIPATH: read_paths(a, words); break;
        }
    }
    return 0;
}
