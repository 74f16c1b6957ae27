/*
 * UDP sockets of a tunnel endpoint. They never fragment (RFC 7348 section 4.3): a datagram that the interface cannot take
 * fails with EMSGSIZE, so frames are kept small. Over IPv4 routers may, as for the kernel's vxlan device, which leaves DF
 * unset (ip-link(8): df); and no ICMP message, which anybody can forge, changes what these sockets send.
 */
#include "sockopt.h"
#include "taploom.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_NO_CHECK6_TX
#define UDP_NO_CHECK6_TX 101
#endif
#ifndef UDP_NO_CHECK6_RX
#define UDP_NO_CHECK6_RX 102
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif

/* Writes a sockaddr_in or sockaddr_in6 and returns its length. IPv6 may carry a zone: fe80::1%eth0 or %3. */
int tl_sockaddr(const char *address, int port, uint8_t *out)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        memcpy(out, &v4, sizeof v4);
        return sizeof v4;
    }
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    char text[INET6_ADDRSTRLEN + IFNAMSIZ + 1];
    if (strlen(address) >= sizeof text) return -EINVAL;
    strcpy(text, address);
    char *zone = strchr(text, '%');
    if (zone) {
        *zone++ = 0;
        v6.sin6_scope_id = if_nametoindex(zone);
        if (!v6.sin6_scope_id) v6.sin6_scope_id = (uint32_t)strtoul(zone, NULL, 10);
        if (!v6.sin6_scope_id) return -ENODEV;
    }
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) != 1) return -EINVAL;
    memcpy(out, &v6, sizeof v6);
    return sizeof v6;
}

/* A socket that only sends would store what strangers send to its port: this filter keeps none of it. */
static int receive_nothing(int fd)
{
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = { .len = 1, .filter = &drop };
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}

/* IP_PMTUDISC_INTERFACE: no DF, the interface's MTU instead of a path's, and EMSGSIZE beyond it. Linux 3.13. */
static int configure4(int fd, const int32_t *o)
{
    int result = option(fd, IPPROTO_IP, IP_TTL, o[TL_UDP_TTL]);
    if (result == 0) result = option(fd, IPPROTO_IP, IP_TOS, o[TL_UDP_TOS]);
    if (result == 0) result = option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_INTERFACE);
    if (result == 0) result = option(fd, IPPROTO_IP, IP_RECVTOS, 1);
    if (result == 0) result = option(fd, SOL_SOCKET, SO_NO_CHECK, !o[TL_UDP_CHECKSUM]);
    return result;
}

static int configure6(int fd, const int32_t *o)
{
    int result = option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (result == 0) result = option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, o[TL_UDP_TTL]);
    if (result == 0) result = option(fd, IPPROTO_IPV6, IPV6_TCLASS, o[TL_UDP_TOS]);
    if (result == 0) result = option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_INTERFACE);
    if (result == 0) result = option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    if (result == 0) result = option(fd, SOL_UDP, UDP_NO_CHECK6_TX, !o[TL_UDP_CHECKSUM]);
    if (result == 0) result = option(fd, SOL_UDP, UDP_NO_CHECK6_RX, 1);
    return result;
}

int tl_udp_open(int netns, const uint8_t *sockaddr, int length, const int32_t *o)
{
    struct sockaddr_storage address;
    if (length < 2 || (size_t)length > sizeof address) return -EINVAL;
    memcpy(&address, sockaddr, (size_t)length);
    int fd = tl_socket_in(netns, address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0) return fd;

    int result = address.ss_family == AF_INET ? configure4(fd, o) : configure6(fd, o);
    buffer_size(fd, SO_SNDBUFFORCE, SO_SNDBUF, o[TL_UDP_SEND_BUFFER]);
    if (o[TL_UDP_RECEIVE]) buffer_size(fd, SO_RCVBUFFORCE, SO_RCVBUF, o[TL_UDP_RECEIVE_BUFFER]);
    else if (result == 0) result = receive_nothing(fd);
    if (o[TL_UDP_TRAINS]) option(fd, SOL_UDP, UDP_GRO, 1); /* an offer: kernels before 5.0 do not know it */
    if (result == 0 && o[TL_UDP_REUSE_PORT]) result = option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (result == 0 && bind(fd, (struct sockaddr *)&address, (socklen_t)length) < 0) result = -errno;
    if (result == 0) return fd;
    close(fd);
    return result;
}

/* The port that the kernel chose when port 0 was bound. */
int tl_udp_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) return -errno;
    if (address.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&address)->sin_port);
    return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
}

/* Datagrams since the socket is open that the kernel threw away: no room, and wrong checksums. Modulo 2^31. */
int tl_udp_drops(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = { 0 };
    socklen_t length = sizeof info;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) < 0) return -errno;
    return (int)(info[SK_MEMINFO_DROPS] & 0x7fffffff);
}

/* What routers say of IPv6 packets that are too big for them, and no other ICMPv6 message. Takes CAP_NET_RAW. */
int tl_too_big_open(int netns)
{
    struct icmp6_filter filter;
    int fd = tl_socket_in(netns, AF_INET6, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMPV6);
    if (fd < 0) return fd;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &filter);
    if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) == 0) return fd;
    int result = -errno;
    close(fd);
    return result;
}
