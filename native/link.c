/*
 * Interfaces through rtnetlink(7), one synchronous request after the other on the caller's socket. One mechanism for
 * everything: the ioctls know neither the kind of a device nor 64-bit counters nor namespaces.
 */
#include "taploom.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define KIND_MAX 16
#define REPLY_ROOM 32768 /* a link with all its attributes takes about 1.5 kB, with many VFs more */

struct message {
    struct nlmsghdr header;
    union {
        struct ifinfomsg link;
        struct ifaddrmsg address;
        struct rtmsg route;
    };
    char attributes[256];
};

static void start(struct message *m, int type, int flags, size_t body)
{
    memset(m, 0, sizeof *m);
    m->header.nlmsg_type = (uint16_t)type;
    m->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    m->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
}

static void attribute(struct message *m, int type, const void *data, size_t length)
{
    struct rtattr *a = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->header.nlmsg_len));
    a->rta_type = (uint16_t)type;
    a->rta_len = (uint16_t)RTA_LENGTH(length);
    memcpy(RTA_DATA(a), data, length);
    m->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(m->header.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

static int start_link(struct message *m, int type, int flags, const char *name)
{
    size_t length = strlen(name);
    start(m, type, flags, sizeof m->link);
    if (length == 0 || length >= IFNAMSIZ) return -EINVAL;
    attribute(m, IFLA_IFNAME, name, length + 1);
    return 0;
}

/* Sends and waits for the answer; the kernel works on the sender's time, so it is there at once. */
static int exchange(int sock, struct message *m, char *reply, size_t room)
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

static int command(int sock, struct message *m)
{
    _Alignas(struct nlmsghdr) char reply[4096];
    m->header.nlmsg_flags |= NLM_F_ACK;
    return exchange(sock, m, reply, sizeof reply);
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

static int describe(int sock, struct message *m, int32_t *words, double *stats, uint8_t *mac, char *texts)
{
    _Alignas(struct nlmsghdr) char reply[REPLY_ROOM];
    int result = exchange(sock, m, reply, sizeof reply);
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
    struct message m;
    int result = start_link(&m, RTM_GETLINK, 0, name);
    return result < 0 ? result : describe(sock, &m, words, stats, mac, texts);
}

/* By its index: an interface may be renamed. */
int tl_link_at(int sock, int index, int32_t *words, double *stats, uint8_t *mac, char *texts)
{
    struct message m;
    start(&m, RTM_GETLINK, 0, sizeof m.link);
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
    struct message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    attribute(&m, IFLA_MTU, &mtu, sizeof mtu);
    return result < 0 ? result : command(sock, &m);
}

/* Longest super-frame that its TCP makes. From Linux 6.3 on IPv4 has an attribute of its own, which follows this one. */
int tl_link_set_gso_max(int sock, const char *name, int bytes)
{
    struct message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    attribute(&m, IFLA_GSO_MAX_SIZE, &bytes, sizeof bytes);
    return result < 0 ? result : command(sock, &m);
}

int tl_link_set_mac(int sock, const char *name, const uint8_t *mac)
{
    struct message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    attribute(&m, IFLA_ADDRESS, mac, 6);
    return result < 0 ? result : command(sock, &m);
}

/* A text for people, which stays with the interface; '' takes it away. */
int tl_link_set_alias(int sock, const char *name, const char *alias)
{
    struct message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    if (strlen(alias) > TL_LINK_ALIAS_MAX) return -ENAMETOOLONG;
    attribute(&m, IFLA_IFALIAS, alias, strlen(alias));
    return result < 0 ? result : command(sock, &m);
}

int tl_link_set_flag(int sock, const char *name, int flag, int on)
{
    struct message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    m.link.ifi_flags = on ? (unsigned)flag : 0;
    m.link.ifi_change = (unsigned)flag;
    return result < 0 ? result : command(sock, &m);
}

int tl_link_set_netns(int sock, const char *name, int netns)
{
    struct message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    attribute(&m, IFLA_NET_NS_FD, &netns, sizeof netns);
    return result < 0 ? result : command(sock, &m);
}

/* Into another namespace under another name: an interface that is known by its index may be given one as it moves. */
int tl_link_hand_over(int sock, int index, int netns, const char *name)
{
    struct message m;
    int result = start_link(&m, RTM_NEWLINK, 0, name);
    m.link.ifi_index = index;
    attribute(&m, IFLA_NET_NS_FD, &netns, sizeof netns);
    return result < 0 ? result : command(sock, &m);
}

int tl_link_remove(int sock, const char *name)
{
    struct message m;
    int result = start_link(&m, RTM_DELLINK, 0, name);
    return result < 0 ? result : command(sock, &m);
}

/* Asks for a list; `each` is told one of it after the other. */
static int dump(int sock, struct message *m, void (*each)(struct nlmsghdr *, void *), void *context)
{
    _Alignas(struct nlmsghdr) char reply[REPLY_ROOM];
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

/* Asks for all interfaces of a kind; a kernel that does not know the kind tells of all of them. */
int tl_link_dump(int sock, const char *kind)
{
    struct message m;
    int without_stats = RTEXT_FILTER_SKIP_STATS;
    char nested[RTA_SPACE(KIND_MAX)];
    struct rtattr *a = (struct rtattr *)nested;
    size_t length = strlen(kind);
    if (length >= KIND_MAX) return -EINVAL;
    start(&m, RTM_GETLINK, NLM_F_DUMP, sizeof m.link);
    attribute(&m, IFLA_EXT_MASK, &without_stats, sizeof without_stats);
    memset(nested, 0, sizeof nested);
    a->rta_type = IFLA_INFO_KIND;
    a->rta_len = (uint16_t)RTA_LENGTH(length + 1);
    memcpy(RTA_DATA(a), kind, length);
    attribute(&m, IFLA_LINKINFO, nested, RTA_ALIGN(a->rta_len));
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
    struct message m;
    start(&m, RTM_DELROUTE, 0, sizeof m.route);
    m.route.rtm_family = AF_INET6;
    m.route.rtm_table = (uint8_t)table;
    m.route.rtm_dst_len = (uint8_t)bits;
    attribute(&m, RTA_DST, to, 16);
    attribute(&m, RTA_OIF, &index, sizeof index);
    command(sock, &m);
}

/* The IPv6 routes that the kernel made for an interface: one for multicast, two for each address. */
static void delete_routes(int sock, int index)
{
    static const uint8_t multicast[16] = { 0xff };
    struct message m;
    struct addresses found = { .index = index };
    start(&m, RTM_GETADDR, 0, sizeof m.address);
    m.address.ifa_family = AF_INET6;
    m.address.ifa_index = (uint32_t)index;
    if (dump(sock, &m, add_address, &found) < 0) return;
    delete_route(sock, index, RT_TABLE_LOCAL, multicast, 8);
    for (int i = 0; i < found.count; i++) {
        delete_route(sock, index, RT_TABLE_LOCAL, found.of[i].bytes, 128);
        delete_route(sock, index, RT_TABLE_MAIN, found.of[i].bytes, found.of[i].prefix);
    }
}

static int set_group(int sock, int index, int group)
{
    struct message m;
    start(&m, RTM_NEWLINK, 0, sizeof m.link);
    m.link.ifi_index = index;
    attribute(&m, IFLA_GROUP, &group, sizeof group);
    return command(sock, &m);
}

static int index_of_tap(int sock, int tap)
{
    struct ifreq request;
    int32_t query[2];
    int result = tl_tap_query(tap, request.ifr_name, query);
    if (result < 0) return result;
    return ioctl(sock, SIOCGIFINDEX, &request) < 0 ? -errno : request.ifr_ifindex;
}

/*
 * A group is a number that interfaces carry; by it the kernel removes them in one go, waiting once for all of them. But
 * it looks at all IPv6 routes of the namespace when an interface that is up gets a group, goes down or goes away. So the
 * routes of all of them go first. They can be asked for by interface since Linux 4.20; before, that would take longer
 * than it saves.
 */
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
    struct message m;
    struct members members = { .group = group };
    int without_stats = RTEXT_FILTER_SKIP_STATS;
    start(&m, RTM_GETLINK, 0, sizeof m.link);
    attribute(&m, IFLA_EXT_MASK, &without_stats, sizeof without_stats);
    int result = dump(sock, &m, count_member, &members);
    return result < 0 ? result : members.count;
}

int tl_link_remove_group(int sock, int group)
{
    struct message m;
    start(&m, RTM_DELLINK, 0, sizeof m.link);
    attribute(&m, IFLA_GROUP, &group, sizeof group);
    return command(sock, &m);
}

/* IPv6 without duplicate address detection: the address works at once. */
int tl_link_add_address(int sock, int index, const char *address, int prefix)
{
    struct message m;
    uint8_t binary[16];
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    size_t length = family == AF_INET ? 4 : 16;
    if (inet_pton(family, address, binary) != 1 || prefix < 0 || prefix > (int)length * 8) return -EINVAL;
    start(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof m.address);
    m.address.ifa_family = (uint8_t)family;
    m.address.ifa_prefixlen = (uint8_t)prefix;
    m.address.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
    m.address.ifa_index = (uint32_t)index;
    attribute(&m, IFA_LOCAL, binary, length);
    attribute(&m, IFA_ADDRESS, binary, length);
    return command(sock, &m);
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
    _Alignas(struct nlmsghdr) char reply[REPLY_ROOM];
    struct message m;
    start(&m, RTM_GETLINK, 0, sizeof m.link);
    m.link.ifi_index = index;
    int result = exchange(sock, &m, reply, sizeof reply);
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
    _Alignas(struct nlmsghdr) char reply[REPLY_ROOM];
    struct message m;
    if (length != 4 && length != 16) return -EINVAL;
    start(&m, RTM_GETROUTE, 0, sizeof m.route);
    m.route.rtm_family = length == 4 ? AF_INET : AF_INET6;
    m.route.rtm_dst_len = m.route.rtm_src_len = (uint8_t)(length * 8);
    m.route.rtm_flags = RTM_F_FIB_MATCH;
    attribute(&m, RTA_DST, to, (size_t)length);
    attribute(&m, RTA_SRC, from, (size_t)length);
    int result = exchange(sock, &m, reply, sizeof reply);
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
