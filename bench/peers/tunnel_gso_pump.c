/*
 * tunnel_gso_pump: a TAP joined to one VXLAN remote by a second TAP, which the kernel routes to and from (Linux 6.17).
 * Super-frames are encapsulated whole; nothing is segmented, summed or joined. IPv4; no learning; one UDP source port.
 *
 *   tunnel_gso_pump NETNS TAP UNDERLAY LOCAL REMOTE VNI      TAP in NETNS, UNDERLAY in the caller's namespace
 *
 * The kernel must forward, and route LOCAL to UNDERLAY with a permanent neighbour: nobody there answers ARP. Prints
 * "ready"; ends when its parent does. docs/decisions.md says when super-frames come in.
 */
#include "tap.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>

enum {
    BURST = 64, VXLAN_PORT = 4789, SOURCE_PORT = 49152, ETHERNET_LEN = 14, MAX_PACKET = 65535,
    OFFLOAD_CSUM_TSO4 = 0x03,
    OFFLOAD_TUNNELS = 0x187, /* CSUM, TSO4, TSO6, UDP_TUNNEL_GSO, UDP_TUNNEL_GSO_CSUM; no trains of UDP */
    GSO_UDP_TUNNEL_IPV4 = 0x20, GSO_UDP_TUNNEL = 0x60,
};

/* struct virtio_net_hdr_v1_hash_tunnel, which is newer than many a system's headers. */
struct tunnel_header {
    struct virtio_net_hdr_mrg_rxbuf vnet;
    uint32_t hash_value;
    uint16_t hash_report, padding, outer_th_offset, inner_nh_offset;
} __attribute__((packed));

struct outer {
    uint8_t to[6], from[6];
    uint16_t type;
    struct iphdr ip;
    struct udphdr udp;
    uint8_t vxlan[8];
} __attribute__((packed));

/* Whichever TAP a frame came from, it lies at FRAME_AT, and what the other needs is written before it: nothing moves. */
enum {
    VNET_LEN = sizeof(struct virtio_net_hdr_mrg_rxbuf), HEADER_LEN = sizeof(struct tunnel_header),
    OUTER_LEN = sizeof(struct outer), FRAME_AT = HEADER_LEN + OUTER_LEN,
};
static char slot[FRAME_AT + ETHERNET_LEN + MAX_PACKET];
static struct tunnel_header *const header = (void *)slot;
static struct outer *const outer = (void *)(slot + HEADER_LEN);
static struct virtio_net_hdr_mrg_rxbuf *const inner_header = (void *)(slot + FRAME_AT - VNET_LEN);
static struct outer usual;
static int tap, underlay;

static void put(int fd, const void *from, size_t length)
{
    /* What the other side does not take is lost, as on any wire. */
    if (write(fd, from, length) < 0 && errno != EAGAIN && errno != EIO && errno != EINVAL) err(1, "TAP");
}

static uint16_t ip_checksum(const char *ip)
{
    uint16_t words[sizeof(struct iphdr) / 2];
    uint32_t sum = 0;
    memcpy(words, ip, sizeof words);
    for (size_t n = 0; n < sizeof words / sizeof *words; n++) sum += words[n];
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~(sum + (sum >> 16));
}

static void encapsulate(size_t length)
{
    struct virtio_net_hdr vnet = inner_header->hdr;
    size_t packet = OUTER_LEN - ETHERNET_LEN + length;
    if (packet > MAX_PACKET) return;
    *header = (struct tunnel_header){ 0 };
    if (vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        vnet.csum_start += OUTER_LEN;
        if (vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
            vnet.gso_type |= GSO_UDP_TUNNEL_IPV4;
            vnet.hdr_len += OUTER_LEN;
            header->outer_th_offset = offsetof(struct outer, udp);
            header->inner_nh_offset = OUTER_LEN + ETHERNET_LEN;
        }
        header->vnet.hdr = vnet;
    }
    usual.ip.id = htons(ntohs(usual.ip.id) + 1);
    *outer = usual;
    outer->ip.tot_len = htons(packet);
    outer->ip.check = ip_checksum(slot + HEADER_LEN + offsetof(struct outer, ip));
    outer->udp.len = htons(packet - sizeof outer->ip); /* RFC 7348: the outer checksum is zero */
    put(underlay, slot, FRAME_AT + length);
}

static void decapsulate(size_t length)
{
    struct virtio_net_hdr vnet = header->vnet.hdr;
    if (outer->type != usual.type || outer->ip.ihl != 5 || outer->ip.protocol != IPPROTO_UDP ||
        outer->ip.saddr != usual.ip.daddr || (outer->ip.frag_off & htons(0x3fff)) != 0 ||
        outer->udp.dest != usual.udp.dest || memcmp(outer->vxlan, usual.vxlan, sizeof usual.vxlan) != 0)
        return;
    if (!(vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || vnet.csum_start < OUTER_LEN) {
        /* All is there; or a sum of the outer headers is not, for which nobody asks any more. */
        vnet = (struct virtio_net_hdr){ 0 };
    } else {
        vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        vnet.gso_type &= ~GSO_UDP_TUNNEL;
        vnet.csum_start -= OUTER_LEN;
        vnet.hdr_len = vnet.hdr_len > OUTER_LEN ? vnet.hdr_len - OUTER_LEN : 0;
    }
    *inner_header = (struct virtio_net_hdr_mrg_rxbuf){ .hdr = vnet };
    put(tap, inner_header, VNET_LEN + length);
}

static void open_underlay(const char *name)
{
    struct ifreq request = { 0 };
    int size = HEADER_LEN;
    underlay = open_tap("/proc/self/ns/net", name, OFFLOAD_CSUM_TSO4);
    /* In this order: with a shorter header and tunnel offloads, reads fail. */
    if (ioctl(underlay, TUNSETVNETHDRSZ, &size) < 0 || ioctl(underlay, TUNSETOFFLOAD, OFFLOAD_TUNNELS) < 0)
        err(1, "%s: segmentation of UDP tunnels (Linux 6.17)", name);
    if (ioctl(underlay, SIOCGIFHWADDR, &request) < 0) err(1, "%s", name);
    memcpy(usual.to, request.ifr_hwaddr.sa_data, sizeof usual.to);
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc != 7) errx(1, "usage: tunnel_gso_pump NETNS TAP UNDERLAY LOCAL REMOTE VNI");
    uint32_t vni = htonl((uint32_t)atoi(argv[6]) << 8);
    usual = (struct outer){
        .from = { 0x02 }, .type = htons(0x0800), .ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP },
        .udp = { .source = htons(SOURCE_PORT), .dest = htons(VXLAN_PORT) }, .vxlan = { 0x08 },
    };
    memcpy(usual.vxlan + 4, &vni, sizeof vni);
    in_addr_t local = inet_addr(argv[4]), remote = inet_addr(argv[5]);
    if (local == INADDR_NONE || remote == INADDR_NONE) errx(1, "LOCAL and REMOTE are IPv4 addresses");
    usual.ip.saddr = local;
    usual.ip.daddr = remote;
    open_underlay(argv[3]);
    tap = open_tap(argv[1], argv[2], OFFLOAD_CSUM_TSO4);
    say_ready();
    struct pollfd ends[2] = { { tap, POLLIN, 0 }, { underlay, POLLIN, 0 } };
    while (poll(ends, 2, -1) > 0) {
        for (int n = 0; n < BURST && (ends[0].revents & POLLIN); n++) {
            ssize_t length = read(tap, inner_header, sizeof slot - FRAME_AT + VNET_LEN);
            if (length <= VNET_LEN + ETHERNET_LEN) break;
            encapsulate(length - VNET_LEN);
        }
        for (int n = 0; n < BURST && (ends[1].revents & POLLIN); n++) {
            ssize_t length = read(underlay, slot, sizeof slot);
            if (length <= FRAME_AT + ETHERNET_LEN) break;
            decapsulate(length - FRAME_AT);
        }
    }
    err(1, "poll");
}
