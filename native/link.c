/*
 * Interfaces through rtnetlink(7). One mechanism for everything: the ioctls know neither the kind of a device nor 64-bit
 * counters nor namespaces.
 */
#include "rtnetlink.h"
#include "taploom.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define KIND_MAX 16

static int start_link(struct rtnl_message *m, int type, int flags, const char *name)
{
    size_t length = strlen(name);
    rtnl_start(m, type, flags, sizeof m->link);
    if (length == 0 || length >= IFNAMSIZ) return -EINVAL;
    rtnl_attribute(m, IFLA_IFNAME, name, length + 1);
    return 0;
}

int tl_link_prepare(int sock)
{
    struct timeval limit = { .tv_sec = 2 };
    return setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ? -errno : 0;
}

static void copy_kind(struct rtattr *info, char *kind)
{
    int left = (int)RTA_PAYLOAD(info);
    for (struct rtattr *a = RTA_DATA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == IFLA_INFO_KIND) strncpy(kind, RTA_DATA(a), IFNAMSIZ - 1);
}

static void copy_stats(struct rtattr *a, double *stats)
{
    uint64_t fields[TL_LINK_STATS];
    size_t length = RTA_PAYLOAD(a) < sizeof fields ? RTA_PAYLOAD(a) : sizeof fields;
    memset(fields, 0, sizeof fields);
    memcpy(fields, RTA_DATA(a), length);
    for (int i = 0; i < TL_LINK_STATS; i++) stats[i] = (double)fields[i];
}

static int describe(int sock, struct rtnl_message *m, int32_t *words, double *stats, uint8_t *mac, char *texts)
{
    _Alignas(struct nlmsghdr) char reply[RTNL_ROOM];
    int result = rtnl_exchange(sock, m, reply, sizeof reply);
    if (result < 0) return result;

    struct nlmsghdr *h = (struct nlmsghdr *)reply;
    struct ifinfomsg *link = NLMSG_DATA(h);
    memset(words, 0, TL_LINK_WORDS * sizeof *words);
    memset(stats, 0, TL_LINK_STATS * sizeof *stats);
    memset(mac, 0, 6);
    memset(texts, 0, TL_LINK_TEXTS);
    words[TL_LINK_INDEX] = link->ifi_index;
    words[TL_LINK_FLAGS] = (int32_t)link->ifi_flags;
    words[TL_LINK_TYPE] = link->ifi_type;
    int left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof *link));
    for (struct rtattr *a = IFLA_RTA(link); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        switch (a->rta_type) {
        case IFLA_MTU: memcpy(&words[TL_LINK_MTU], RTA_DATA(a), 4); break;
        case IFLA_MASTER: memcpy(&words[TL_LINK_MASTER], RTA_DATA(a), 4); break;
        case IFLA_TXQLEN: memcpy(&words[TL_LINK_QUEUE], RTA_DATA(a), 4); break;
        case IFLA_NUM_TX_QUEUES: memcpy(&words[TL_LINK_TX_QUEUES], RTA_DATA(a), 4); break;
        case IFLA_ADDRESS: if (RTA_PAYLOAD(a) >= 6) memcpy(mac, RTA_DATA(a), 6); break;
        case IFLA_STATS64: copy_stats(a, stats); break;
        case IFLA_LINKINFO: copy_kind(a, texts + TL_LINK_KIND); break;
        case IFLA_IFNAME: strncpy(texts + TL_LINK_NAME, RTA_DATA(a), IFNAMSIZ - 1); break;
        case IFLA_IFALIAS: strncpy(texts + TL_LINK_ALIAS, RTA_DATA(a), TL_LINK_TEXTS - TL_LINK_ALIAS - 1); break;
        }
    }
    return 0;
}

int tl_link_get(int sock, const char *name, int32_t *words, double *stats, uint8_t *mac, char *texts)
{
    struct rtnl_message m;
    int result = start_link(&m, RTM_GETLINK, 0, name);
    return result < 0 ? result : describe(sock, &m, words, stats, mac, texts);
}

/* By its index: an interface may be renamed. */
int tl_link_at(int sock, int index, int32_t *words, double *stats, uint8_t *mac, char *texts)
{
    struct rtnl_message m;
    rtnl_start(&m, RTM_GETLINK, 0, sizeof m.link);
    m.link.ifi_index = index;
    return describe(sock, &m, words, stats, mac, texts);
}

static int is_here(int netns)
{
    struct stat there, here;
    if (fstat(netns, &there) < 0 || stat("/proc/thread-self/ns/net", &here) < 0) return 0;
    return there.st_ino == here.st_ino && there.st_dev == here.st_dev;
}

/*
 * Going to the namespace that one is in already takes CAP_SYS_ADMIN too, so that is avoided. Without CAP_NET_ADMIN
 * nobody is told where the interface is; then it is looked for here, and `guessed` says so.
 */
static int socket_of_tap(int tap, int *guessed)
{
    int netns = tl_tap_netns(tap);
    *guessed = netns == -EPERM;
    if (netns < 0 && !*guessed) return netns;
    int sock = tl_socket_in(netns < 0 || is_here(netns) ? -1 : netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (netns >= 0) close(netns);
    int result = sock < 0 ? sock : tl_link_prepare(sock);
    if (sock >= 0 && result < 0) close(sock);
    return result < 0 ? result : sock;
}

int tl_link_socket_of_tap(int tap)
{
    int guessed;
    return socket_of_tap(tap, &guessed);
}

/* Nothing stays open: a socket would keep a namespace alive that somebody deletes. */
int tl_link_of_tap(int tap, int32_t *words, double *stats, uint8_t *mac, char *texts)
{
    char name[IFNAMSIZ];
    int32_t query[2];
    int guessed;
    int result = tl_tap_query(tap, name, query);
    if (result < 0) return result;
    int sock = socket_of_tap(tap, &guessed);
    if (sock < 0) return sock;
    result = tl_link_get(sock, name, words, stats, mac, texts);
    close(sock);
    return result < 0 ? result : guessed;
}

int tl_link_set_mtu(int sock, const char *name, int mtu)
{
    struct rtnl_message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    rtnl_attribute(&m, IFLA_MTU, &mtu, sizeof mtu);
    return result < 0 ? result : rtnl_command(sock, &m);
}

/* Longest super-frame that its TCP makes. From Linux 6.3 on IPv4 has an attribute of its own, which follows this one. */
int tl_link_set_gso_max(int sock, const char *name, int bytes)
{
    struct rtnl_message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    rtnl_attribute(&m, IFLA_GSO_MAX_SIZE, &bytes, sizeof bytes);
    return result < 0 ? result : rtnl_command(sock, &m);
}

int tl_link_set_mac(int sock, const char *name, const uint8_t *mac)
{
    struct rtnl_message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    rtnl_attribute(&m, IFLA_ADDRESS, mac, 6);
    return result < 0 ? result : rtnl_command(sock, &m);
}

/* A text for people, which stays with the interface; '' takes it away. */
int tl_link_set_alias(int sock, const char *name, const char *alias)
{
    struct rtnl_message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    if (strlen(alias) > TL_LINK_ALIAS_MAX) return -ENAMETOOLONG;
    rtnl_attribute(&m, IFLA_IFALIAS, alias, strlen(alias));
    return result < 0 ? result : rtnl_command(sock, &m);
}

int tl_link_set_flag(int sock, const char *name, int flag, int on)
{
    struct rtnl_message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    m.link.ifi_flags = on ? (unsigned)flag : 0;
    m.link.ifi_change = (unsigned)flag;
    return result < 0 ? result : rtnl_command(sock, &m);
}

int tl_link_set_netns(int sock, const char *name, int netns)
{
    struct rtnl_message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    rtnl_attribute(&m, IFLA_NET_NS_FD, &netns, sizeof netns);
    return result < 0 ? result : rtnl_command(sock, &m);
}

/* Into another namespace under another name: an interface that is known by its index may be given one as it moves. */
int tl_link_hand_over(int sock, int index, int netns, const char *name)
{
    struct rtnl_message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    m.link.ifi_index = index;
    rtnl_attribute(&m, IFLA_NET_NS_FD, &netns, sizeof netns);
    return result < 0 ? result : rtnl_command(sock, &m);
}

int tl_link_remove(int sock, const char *name)
{
    struct rtnl_message m;
    int result = start_link(&m, RTM_DELLINK, 0, name);
    return result < 0 ? result : rtnl_command(sock, &m);
}

/* By its index, which is never another's. The kernel takes 20 ms. */
int tl_link_remove_at(int sock, int index)
{
    struct rtnl_message m;
    rtnl_start(&m, RTM_DELLINK, 0, sizeof m.link);
    m.link.ifi_index = index;
    return rtnl_command(sock, &m);
}

/* Asks for all interfaces of a kind; a kernel that does not know the kind tells of all of them. */
int tl_link_dump(int sock, const char *kind)
{
    struct rtnl_message m;
    int without_stats = RTEXT_FILTER_SKIP_STATS;
    char nested[RTA_SPACE(KIND_MAX)];
    struct rtattr *a = (struct rtattr *)nested;
    size_t length = strlen(kind);
    if (length >= KIND_MAX) return -EINVAL;
    rtnl_start(&m, RTM_GETLINK, NLM_F_DUMP, sizeof m.link);
    rtnl_attribute(&m, IFLA_EXT_MASK, &without_stats, sizeof without_stats);
    memset(nested, 0, sizeof nested);
    a->rta_type = IFLA_INFO_KIND;
    a->rta_len = (uint16_t)RTA_LENGTH(length + 1);
    memcpy(RTA_DATA(a), kind, length);
    rtnl_attribute(&m, IFLA_LINKINFO, nested, RTA_ALIGN(a->rta_len));
    return send(sock, &m, m.header.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* Its answer, some messages a call: their bytes; 0 = that was all. */
int tl_link_dump_next(int sock, uint8_t *out, int room)
{
    for (;;) {
        ssize_t length = recv(sock, out, (size_t)room, 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return errno == EAGAIN ? -ETIMEDOUT : -errno;
        struct nlmsghdr *h = (struct nlmsghdr *)out;
        if (!NLMSG_OK(h, (size_t)length) || h->nlmsg_type == NLMSG_DONE) return 0;
        return h->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)NLMSG_DATA(h))->error : (int)length;
    }
}

/* Gives an interface an address, or takes it. IPv6 without duplicate address detection: the address works at once. */
int tl_link_address(int sock, int index, const char *address, int prefix, int on)
{
    struct rtnl_message m;
    uint8_t binary[16];
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    size_t length = family == AF_INET ? 4 : 16;
    if (inet_pton(family, address, binary) != 1 || prefix < 0 || prefix > (int)length * 8) return -EINVAL;
    rtnl_start(&m, on ? RTM_NEWADDR : RTM_DELADDR, on ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof m.address);
    m.address.ifa_family = (uint8_t)family;
    m.address.ifa_prefixlen = (uint8_t)prefix;
    m.address.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
    m.address.ifa_index = (uint32_t)index;
    rtnl_attribute(&m, IFA_LOCAL, binary, length);
    rtnl_attribute(&m, IFA_ADDRESS, binary, length);
    return rtnl_command(sock, &m);
}

static int copy_remote(struct rtattr *data, uint8_t *remote)
{
    int left = (int)RTA_PAYLOAD(data);
    for (struct rtattr *a = RTA_DATA(data); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        size_t length = a->rta_type == IFLA_VXLAN_GROUP ? 4 : a->rta_type == IFLA_VXLAN_GROUP6 ? 16 : 0;
        if (length == 0 || RTA_PAYLOAD(a) < length) continue;
        memcpy(remote, RTA_DATA(a), length);
        return (int)length;
    }
    return 0;
}

int tl_link_vxlan_remote(int sock, int index, uint8_t *remote)
{
    _Alignas(struct nlmsghdr) char reply[RTNL_ROOM];
    struct rtnl_message m;
    rtnl_start(&m, RTM_GETLINK, 0, sizeof m.link);
    m.link.ifi_index = index;
    int result = rtnl_exchange(sock, &m, reply, sizeof reply);
    if (result < 0) return result;
    struct nlmsghdr *h = (struct nlmsghdr *)reply;
    struct ifinfomsg *link = NLMSG_DATA(h);
    char kind[IFNAMSIZ] = "";
    int left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof *link));
    for (struct rtattr *a = IFLA_RTA(link); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type != IFLA_LINKINFO) continue;
        copy_kind(a, kind);
        if (strcmp(kind, "vxlan") != 0) return 0;
        int inside = (int)RTA_PAYLOAD(a);
        for (struct rtattr *data = RTA_DATA(a); RTA_OK(data, inside); data = RTA_NEXT(data, inside))
            if (data->rta_type == IFLA_INFO_DATA) return copy_remote(data, remote);
    }
    return 0;
}

