/*
 * vxlan_pump: a TAP joined to one VXLAN remote, by all means that a C program has: super-frames are segmented here and
 * sent as one UDP_SEGMENT message, small frames by sendmmsg; datagrams come in through UDP_GRO and recvmmsg, and TCP
 * segments that follow each other become one super-frame again, gathered by writev without a copy. IPv4 only; no
 * learning, no flooding, one UDP source port.
 *
 *   vxlan_pump NETNS TAP LOCAL REMOTE VNI      the TAP in NETNS, the socket in the caller's namespace
 *
 * Prints "ready"; ends when its parent does.
 */
#include "tap.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    BURST = 64, VXLAN_PORT = 4789, VXLAN_LEN = 8, ETHERNET_LEN = 14, VNET_LEN = 12,
    SLOT = 2048, MAX_DATAGRAM = 65507, MAX_SEGMENTS = 64, MAX_FRAME = ETHERNET_LEN + 65535,
    RECEIVED = 16, SOCKET_BUFFER = 8 << 20, OFFLOAD_CSUM_TSO4 = 0x03,
};

/* Frames of the moment that wait for one sendmmsg. */
static struct { struct mmsghdr messages[BURST]; struct iovec pieces[BURST]; char bytes[BURST][SLOT]; int count; } small;
/* TCP segments of one flow that wait to be one frame. `pieces[0]` is the virtio-net header, [1] the frame's headers. */
static struct {
    struct virtio_net_hdr_mrg_rxbuf vnet;
    struct iovec pieces[2 + MAX_SEGMENTS];
    struct iphdr *ip;
    struct tcphdr *tcp;
    size_t headers, mss, payload;
    int segments, closed;
    uint32_t next;
} flow;
static uint8_t vxlan_header[VXLAN_LEN] = { 0x08 };
static int tap, udp;

/* The Internet checksum's sum, in the order of memory, not yet folded. */
static uint64_t add(const void *data, size_t length, uint64_t sum)
{
    const char *at = data;
    for (; length >= 4; at += 4, length -= 4) {
        uint32_t word;
        memcpy(&word, at, 4);
        sum += word;
    }
    uint32_t rest = 0;
    memcpy(&rest, at, length);
    return sum + rest;
}

static uint16_t fold(uint64_t sum)
{
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint64_t pseudo(const struct iphdr *ip, size_t length)
{
    return add(&ip->saddr, 8, 0) + htons(ip->protocol) + htons((uint16_t)length);
}

static void flush_small(void)
{
    for (int done = 0; done < small.count;) {
        int n = sendmmsg(udp, small.messages + done, small.count - done, 0);
        done += n > 0 ? n : 1; /* what the network does not take is lost */
    }
    small.count = 0;
}

static void send_small(const struct virtio_net_hdr *vnet, const char *frame, size_t length)
{
    char *slot = small.bytes[small.count];
    if (VXLAN_LEN + length > SLOT) return;
    memcpy(slot, vxlan_header, VXLAN_LEN);
    memcpy(slot + VXLAN_LEN, frame, length);
    if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        char *from = slot + VXLAN_LEN + vnet->csum_start;
        uint16_t sum = ~fold(add(from, length - vnet->csum_start, 0));
        if (sum == 0) sum = 0xffff;
        memcpy(from + vnet->csum_offset, &sum, 2);
    }
    small.pieces[small.count].iov_len = VXLAN_LEN + length;
    if (++small.count == BURST) flush_small();
}

static void send_segments(const char *bytes, size_t length, uint16_t size)
{
    char control[CMSG_SPACE(sizeof size)] = { 0 };
    struct iovec piece = { (void *)bytes, length };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *option = CMSG_FIRSTHDR(&message);
    option->cmsg_level = IPPROTO_UDP;
    option->cmsg_type = UDP_SEGMENT;
    option->cmsg_len = CMSG_LEN(sizeof size);
    memcpy(CMSG_DATA(option), &size, sizeof size);
    if (sendmsg(udp, &message, 0) < 0 && errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED) err(1, "send");
}

/* RFC 9293: each segment has its own sequence number, FIN and PSH only the last, CWR only the first. */
static void segment(const char *frame, size_t length, size_t mss)
{
    static char out[MAX_DATAGRAM];
    size_t tcp_at = ETHERNET_LEN + ((const struct iphdr *)(frame + ETHERNET_LEN))->ihl * 4;
    size_t headers = tcp_at + ((const struct tcphdr *)(frame + tcp_at))->doff * 4;
    size_t size = VXLAN_LEN + headers + mss, used = 0;
    if (mss == 0 || headers >= length || size > SLOT) return;
    for (size_t at = headers, n = 0; at < length; at += mss, n++) {
        size_t payload = length - at < mss ? length - at : mss;
        int last = at + payload == length;
        if (used + size > sizeof out) {
            send_segments(out, used, size);
            used = 0;
        }
        char *start = out + used;
        memcpy(start, vxlan_header, VXLAN_LEN);
        memcpy(start + VXLAN_LEN, frame, headers);
        memcpy(start + VXLAN_LEN + headers, frame + at, payload);
        struct iphdr *ip = (struct iphdr *)(start + VXLAN_LEN + ETHERNET_LEN);
        struct tcphdr *tcp = (struct tcphdr *)(start + VXLAN_LEN + tcp_at);
        size_t tcp_length = headers - tcp_at + payload;
        ip->tot_len = htons(headers - ETHERNET_LEN + payload);
        ip->id = htons(ntohs(ip->id) + n);
        ip->check = 0;
        ip->check = ~fold(add(ip, ip->ihl * 4, 0));
        tcp->seq = htonl(ntohl(tcp->seq) + (at - headers));
        if (!last) tcp->fin = tcp->psh = 0;
        if (n > 0) tcp->res2 &= ~2; /* CWR */
        tcp->check = 0;
        tcp->check = ~fold(add(tcp, tcp_length, pseudo(ip, tcp_length)));
        used += VXLAN_LEN + headers + payload;
    }
    if (used > 0) send_segments(out, used, size);
}

static void from_tap(void)
{
    static char buffer[VNET_LEN + MAX_FRAME];
    for (int n = 0; n < BURST; n++) {
        ssize_t length = read(tap, buffer, sizeof buffer);
        if (length <= VNET_LEN + ETHERNET_LEN) break;
        const struct virtio_net_hdr *vnet = (void *)buffer;
        const char *frame = buffer + VNET_LEN;
        if ((vnet->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV4) {
            flush_small();
            segment(frame, length - VNET_LEN, vnet->gso_size);
        } else send_small(vnet, frame, length - VNET_LEN);
    }
    flush_small();
}

static void write_tap(const struct iovec *pieces, int count)
{
    if (writev(tap, pieces, count) < 0 && errno != EAGAIN && errno != EIO && errno != EINVAL) err(1, "TAP");
}

static void flush_flow(void)
{
    if (flow.segments == 0) return;
    size_t tcp_at = (char *)flow.tcp - (char *)flow.ip, tcp_length = flow.headers - ETHERNET_LEN - tcp_at + flow.payload;
    /* The sum was verified segment by segment. */
    flow.vnet = (struct virtio_net_hdr_mrg_rxbuf){ .hdr = { .flags = VIRTIO_NET_HDR_F_DATA_VALID } };
    if (flow.segments > 1) {
        flow.ip->tot_len = htons(tcp_at + tcp_length);
        flow.ip->check = 0;
        flow.ip->check = ~fold(add(flow.ip, flow.ip->ihl * 4, 0));
        flow.tcp->check = fold(pseudo(flow.ip, tcp_length));
        flow.vnet.hdr = (struct virtio_net_hdr){
            .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .hdr_len = flow.headers,
            .gso_size = flow.mss, .csum_start = ETHERNET_LEN + tcp_at, .csum_offset = offsetof(struct tcphdr, check),
        };
    }
    write_tap(flow.pieces, 2 + flow.segments);
    flow.segments = 0;
}

/* Whether this segment of the flow carries on where the last one ended: all of both headers must fit. */
static int continues(const struct iphdr *ip, const struct tcphdr *tcp, size_t headers, size_t payload)
{
    return flow.segments > 0 && !flow.closed && flow.segments < MAX_SEGMENTS && headers == flow.headers &&
           payload <= flow.mss && headers + flow.payload + payload <= MAX_FRAME - SLOT && tcp->seq == htonl(flow.next) &&
           memcmp((const char *)ip - ETHERNET_LEN, (const char *)flow.ip - ETHERNET_LEN, ETHERNET_LEN) == 0 &&
           memcmp(&ip->saddr, &flow.ip->saddr, 8) == 0 && ip->tos == flow.ip->tos && ip->ttl == flow.ip->ttl &&
           ip->frag_off == flow.ip->frag_off && memcmp(tcp, flow.tcp, 4) == 0 && tcp->ack_seq == flow.tcp->ack_seq &&
           tcp->window == flow.tcp->window &&
           memcmp(tcp + 1, flow.tcp + 1, tcp->doff * 4 - sizeof *tcp) == 0;
}

static void to_tap(char *frame, size_t length)
{
    static struct virtio_net_hdr_mrg_rxbuf plain;
    struct iphdr *ip = (struct iphdr *)(frame + ETHERNET_LEN);
    struct tcphdr *tcp = (struct tcphdr *)(ip + 1);
    int is_tcp = length >= ETHERNET_LEN + sizeof *ip + sizeof *tcp && frame[12] == 0x08 && frame[13] == 0x00 &&
                 ip->ihl == 5 && ip->version == 4 && ip->protocol == IPPROTO_TCP && !(ip->frag_off & htons(0x3fff));
    if (is_tcp) {
        size_t total = ntohs(ip->tot_len), headers = ETHERNET_LEN + sizeof *ip + tcp->doff * 4;
        size_t tcp_length = total - sizeof *ip, payload = ETHERNET_LEN + total - headers;
        is_tcp = tcp->doff >= 5 && ETHERNET_LEN + total == length && headers < length && tcp->ack &&
                 !(tcp->syn || tcp->fin || tcp->rst || tcp->urg || tcp->res2) &&
                 fold(add(ip, sizeof *ip, 0)) == 0xffff && fold(add(tcp, tcp_length, pseudo(ip, tcp_length))) == 0xffff;
        if (is_tcp) {
            if (!continues(ip, tcp, headers, payload)) {
                flush_flow();
                flow.ip = ip;
                flow.tcp = tcp;
                flow.headers = headers;
                flow.mss = payload;
                flow.payload = 0;
                flow.closed = 0;
                flow.next = ntohl(tcp->seq);
                flow.pieces[0] = (struct iovec){ &flow.vnet, sizeof flow.vnet };
                flow.pieces[1] = (struct iovec){ frame, headers };
            }
            flow.pieces[2 + flow.segments++] = (struct iovec){ frame + headers, payload };
            flow.payload += payload;
            flow.next += payload;
            flow.tcp->psh |= tcp->psh;
            flow.closed = tcp->psh || payload < flow.mss;
            return;
        }
    }
    flush_flow();
    struct iovec pieces[2] = { { &plain, sizeof plain }, { frame, length } };
    write_tap(pieces, 2);
}

static void from_network(void)
{
    static char bytes[RECEIVED][1 << 16], controls[RECEIVED][CMSG_SPACE(sizeof(int))];
    struct mmsghdr messages[RECEIVED];
    struct iovec pieces[RECEIVED];
    for (int i = 0; i < RECEIVED; i++) {
        pieces[i] = (struct iovec){ bytes[i], sizeof bytes[i] };
        messages[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i], .msg_iovlen = 1,
                                               .msg_control = controls[i], .msg_controllen = sizeof controls[i] };
    }
    int count = recvmmsg(udp, messages, RECEIVED, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        size_t length = messages[i].msg_len;
        int size = (int)length;
        struct cmsghdr *option = CMSG_FIRSTHDR(&messages[i].msg_hdr);
        if (option && option->cmsg_level == IPPROTO_UDP && option->cmsg_type == UDP_GRO)
            memcpy(&size, CMSG_DATA(option), sizeof size);
        for (size_t at = 0; at < length && size > 0; at += size) {
            size_t one = length - at < (size_t)size ? length - at : (size_t)size;
            if (one >= VXLAN_LEN + ETHERNET_LEN && memcmp(bytes[i] + at, vxlan_header, VXLAN_LEN) == 0)
                to_tap(bytes[i] + at + VXLAN_LEN, one - VXLAN_LEN);
        }
    }
    flush_flow();
}

static int open_udp(const char *local, const char *remote)
{
    int one = 1, room = SOCKET_BUFFER, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(VXLAN_PORT) }, there = here;
    if (inet_pton(AF_INET, local, &here.sin_addr) != 1 || inet_pton(AF_INET, remote, &there.sin_addr) != 1)
        errx(1, "LOCAL and REMOTE are IPv4 addresses");
    if (setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof one) < 0) err(1, "UDP_GRO");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) err(1, "bind");
    if (connect(fd, (struct sockaddr *)&there, sizeof there) < 0) err(1, "connect");
    return fd;
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc != 6) errx(1, "usage: vxlan_pump NETNS TAP LOCAL REMOTE VNI");
    uint32_t vni = htonl((uint32_t)atoi(argv[5]) << 8);
    memcpy(vxlan_header + 4, &vni, sizeof vni);
    for (int i = 0; i < BURST; i++) {
        small.pieces[i].iov_base = small.bytes[i];
        small.messages[i].msg_hdr = (struct msghdr){ .msg_iov = &small.pieces[i], .msg_iovlen = 1 };
    }
    udp = open_udp(argv[3], argv[4]);
    tap = open_tap(argv[1], argv[2], OFFLOAD_CSUM_TSO4);
    say_ready();
    struct pollfd ends[2] = { { tap, POLLIN, 0 }, { udp, POLLIN, 0 } };
    while (poll(ends, 2, -1) > 0) {
        if (ends[0].revents & POLLIN) from_tap();
        if (ends[1].revents) from_network();
    }
    err(1, "poll");
}
