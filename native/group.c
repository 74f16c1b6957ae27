/*
 * Removing many TAPs at once. A group is a number that interfaces carry; by it the kernel removes them in one go, waiting
 * once for all of them. But it looks at all IPv6 routes of the namespace when an interface that is up gets a group, goes
 * down or goes away. So the routes of all of them go first. They can be asked for by interface since Linux 4.20; before,
 * that would take longer than it saves.
 */
#include "rtnetlink.h"
#include "taploom.h"
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { SOME_ADDRESSES = 8 };

struct addresses {
    int index, count;
    struct { uint8_t bytes[16], prefix; } of[SOME_ADDRESSES];
};

static void add_address(struct nlmsghdr *h, void *context)
{
    struct addresses *found = context;
    struct ifaddrmsg *address = NLMSG_DATA(h);
    int left = (int)IFA_PAYLOAD(h);
    if ((int)address->ifa_index != found->index) return;
    for (struct rtattr *a = IFA_RTA(address); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type != IFA_ADDRESS || RTA_PAYLOAD(a) != 16 || found->count == SOME_ADDRESSES) continue;
        memcpy(found->of[found->count].bytes, RTA_DATA(a), 16);
        found->of[found->count++].prefix = address->ifa_prefixlen;
    }
}

/* Whether there was one does not matter. */
static void delete_route(int sock, int index, int table, const uint8_t *to, int bits)
{
    struct rtnl_message m;
    rtnl_start(&m, RTM_DELROUTE, 0, sizeof m.route);
    m.route.rtm_family = AF_INET6;
    m.route.rtm_table = (uint8_t)table;
    m.route.rtm_dst_len = (uint8_t)bits;
    rtnl_attribute(&m, RTA_DST, to, 16);
    rtnl_attribute(&m, RTA_OIF, &index, sizeof index);
    rtnl_command(sock, &m);
}

/* The IPv6 routes that the kernel made for an interface: one for multicast, two for each address. */
static void delete_routes(int sock, int index)
{
    static const uint8_t multicast[16] = { 0xff };
    struct rtnl_message m;
    struct addresses found = { .index = index };
    rtnl_start(&m, RTM_GETADDR, 0, sizeof m.address);
    m.address.ifa_family = AF_INET6;
    m.address.ifa_index = (uint32_t)index;
    if (rtnl_dump(sock, &m, add_address, &found) < 0) return;
    delete_route(sock, index, RT_TABLE_LOCAL, multicast, 8);
    for (int i = 0; i < found.count; i++) {
        delete_route(sock, index, RT_TABLE_LOCAL, found.of[i].bytes, 128);
        delete_route(sock, index, RT_TABLE_MAIN, found.of[i].bytes, found.of[i].prefix);
    }
}

static int set_group(int sock, int index, int group)
{
    struct rtnl_message m;
    rtnl_start(&m, RTM_NEWLINK, 0, sizeof m.link);
    m.link.ifi_index = index;
    rtnl_attribute(&m, IFLA_GROUP, &group, sizeof group);
    return rtnl_command(sock, &m);
}

static int index_of_tap(int sock, int tap)
{
    struct ifreq request;
    int32_t query[2];
    int result = tl_tap_query(tap, request.ifr_name, query);
    if (result < 0) return result;
    return ioctl(sock, SIOCGIFINDEX, &request) < 0 ? -errno : request.ifr_ifindex;
}

int tl_link_group_taps(int sock, const int32_t *taps, int count, int group)
{
    int strict = 1;
    if (setsockopt(sock, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict, sizeof strict) == 0)
        for (int i = 0; i < count; i++) delete_routes(sock, index_of_tap(sock, taps[i]));
    int result = 0;
    for (int i = 0; i < count && result >= 0; i++) result = set_group(sock, index_of_tap(sock, taps[i]), group);
    return result;
}

struct members {
    int group, count;
};

static void count_member(struct nlmsghdr *h, void *context)
{
    struct members *members = context;
    struct ifinfomsg *link = NLMSG_DATA(h);
    int left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof *link));
    for (struct rtattr *a = IFLA_RTA(link); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == IFLA_GROUP) members->count += memcmp(RTA_DATA(a), &members->group, sizeof(int)) == 0;
}

/* How many interfaces of the namespace carry it. */
int tl_link_count_group(int sock, int group)
{
    struct rtnl_message m;
    struct members members = { .group = group };
    int without_stats = RTEXT_FILTER_SKIP_STATS;
    rtnl_start(&m, RTM_GETLINK, 0, sizeof m.link);
    rtnl_attribute(&m, IFLA_EXT_MASK, &without_stats, sizeof without_stats);
    int result = rtnl_dump(sock, &m, count_member, &members);
    return result < 0 ? result : members.count;
}

int tl_link_remove_group(int sock, int group)
{
    struct rtnl_message m;
    rtnl_start(&m, RTM_DELLINK, 0, sizeof m.link);
    rtnl_attribute(&m, IFLA_GROUP, &group, sizeof group);
    return rtnl_command(sock, &m);
}
