/*
 * Packet sockets (packet(7)): an interface that exists, with its offloads. Every frame has a virtio-net header of 10
 * bytes, the only size that all kernels know; the other two of our 12 stay unused. Tags come beside the frame, in
 * auxiliary data, and are put back where they were:
 *
 *   slot:  ... -16        -12          -4         0          12
 *                          | header 10 |  | MACs 12          | type ...      untagged
 *              | header 10 |  | MACs 12          | tag 4      | type ...      tagged: header and MACs moved by 4
 */
#include "burst.h"
#include "sockopt.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <unistd.h>

#define HEADER ((int)sizeof(struct virtio_net_hdr))
#define TAG_LEN 4
#define MACS_LEN 12
#define VID_MASK 0xfff
#define FILTER_FIXED 9 /* instructions of a filter that are no range's */
#define LOOK_EVERY_MS 200 /* least time between two looks at the interfaces that are down; there is none during a wait */

/* Bound to no protocol until everything is set, so that no frame of another interface or without tag comes in. */
int tl_packet_open(int netns, int index, int buffer)
{
    int fd = tl_socket_in(netns, AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    if (fd < 0) return fd;
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index,
    };
    struct packet_mreq promiscuous = { .mr_ifindex = index, .mr_type = PACKET_MR_PROMISC };
    int result = option(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
    if (result == 0) result = option(fd, SOL_PACKET, PACKET_AUXDATA, 1);
    if (result == 0) result = option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    buffer_size(fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer);
    buffer_size(fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer);
    if (result == 0 && bind(fd, (struct sockaddr *)&address, sizeof address) < 0) result = -errno;
    if (result == 0 &&
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) < 0) result = -errno;
    if (result == 0) return fd;
    close(fd);
    return result;
}

/*
 * Only frames whose VLAN is in one of `count` ranges (first and last VID), and those without a tag of 802.1Q or with a
 * priority tag if `untagged`. A count of -1 lets everything in again.
 */
int tl_packet_filter(int fd, const int32_t *ranges, int count, int untagged)
{
    struct sock_filter code[BPF_MAXINSNS];
    struct sock_fprog program = { .filter = code };
    int n = 0, none = 0;
    if (count < 0)
        return setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none) < 0 && errno != ENOENT ? -errno : 0;
    if (FILTER_FIXED + 3 * count > BPF_MAXINSNS) return -E2BIG;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT);
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TPID);
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021Q, 0, 2);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG);
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, VID_MASK, 1, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, untagged ? UINT32_MAX : 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, VID_MASK);
    for (int i = 0; i < count; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)ranges[2 * i], 0, 2);
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)ranges[2 * i + 1], 1, 0);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
    program.len = (unsigned short)n;
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}

/* Frames that found the socket's buffer full since the last call. */
int tl_packet_drops(int fd)
{
    struct tpacket_stats stats;
    socklen_t length = sizeof stats;
    if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length) < 0) return -errno;
    return (int)(stats.tp_drops & INT32_MAX);
}

/* A socket forgets its interface when that is deleted or leaves the namespace, and never gets another one. */
static int has_lost_interface(int fd)
{
    struct sockaddr_ll address;
    socklen_t length = sizeof address;
    return getsockname(fd, (struct sockaddr *)&address, &length) < 0 || address.sll_ifindex <= 0;
}

/*
 * The kernel tells that an interface goes down, and then not that it is deleted: so those that are down are watched. Any
 * other error cost the frame after a burst (recvmmsg(2)); a frame that comes first fails in burst_receive_packets.
 */
int burst_packet_failed(struct tl_burst *b, int fd, struct member *m)
{
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length); /* clears the condition */
    if (has_lost_interface(fd)) {
        burst_gone(b, fd, ENODEV);
        return 1;
    }
    if (error && error != ENETDOWN) {
        m->lost = 1;
        return 0;
    }
    if (!m->down) b->state->downs++;
    m->down = 1;
    return 0;
}

void burst_watch_packets(struct tl_burst *b)
{
    struct tl_burst_state *s = b->state;
    if (b->clock[TL_NOW] < s->watched_at + LOOK_EVERY_MS) return;
    s->watched_at = b->clock[TL_NOW];
    for (int fd = 0; fd < s->capacity; fd++)
        if (s->members[fd].down && has_lost_interface(fd)) burst_gone(b, fd, ENODEV);
}

static void restore_tag(uint8_t *start, const struct tpacket_auxdata *aux, int32_t *row)
{
    uint16_t tpid = htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETH_P_8021Q);
    uint16_t tci = htons(aux->tp_vlan_tci);
    uint8_t *header = start - TL_PACKET_HEADER - TAG_LEN;
    memmove(header, header + TAG_LEN, TL_PACKET_HEADER + MACS_LEN);
    memcpy(start + MACS_LEN - TAG_LEN, &tpid, sizeof tpid);
    memcpy(start + MACS_LEN - TAG_LEN + 2, &tci, sizeof tci);
    struct virtio_net_hdr offload;
    memcpy(&offload, header, sizeof offload);
    if (offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) offload.csum_start = (uint16_t)(offload.csum_start + TAG_LEN);
    memcpy(header, &offload, sizeof offload);
    row[TL_RX_LENGTH] += TAG_LEN;
    row[TL_RX_FLAGS] |= TL_RX_TAGGED;
}

/* A tag may be 0 (priority 0, no VLAN): the status tells whether there is one. */
static void take_tag(struct msghdr *h, uint8_t *start, int32_t *row)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
        const struct tpacket_auxdata *aux = (const struct tpacket_auxdata *)CMSG_DATA(c);
        if (aux->tp_status & TP_STATUS_VLAN_VALID) restore_tag(start, aux, row);
    }
}

static void lay_out(struct tl_burst *b, int slot, int i)
{
    struct tl_burst_state *s = b->state;
    uint8_t *start = burst_slot(b, slot);
    s->pieces[i][0] = (struct iovec){ start - TL_PACKET_HEADER, (size_t)HEADER };
    s->pieces[i][1] = (struct iovec){ start, (size_t)(b->words[TL_STRIDE] - b->words[TL_HEADROOM]) };
    s->messages[i].msg_hdr = (struct msghdr){
        .msg_iov = s->pieces[i], .msg_iovlen = 2, .msg_control = s->control[i], .msg_controllen = CONTROL_ROOM,
    };
}

int burst_receive_packets(struct tl_burst *b, int fd, struct member *m, int slot, int room)
{
    struct tl_burst_state *s = b->state;
    if (m->lost) {
        m->lost = 0;
        return burst_lost(b, m, slot);
    }
    burst_renew(b, m);
    int wanted = m->expect < room ? m->expect : room, asked = burst_affordable(m);
    if (asked == 0) return 0;
    if (asked > wanted) asked = wanted;
    for (int i = 0; i < asked; i++) lay_out(b, slot + i, i);
    int got = recvmmsg(fd, s->messages, (unsigned)asked, MSG_DONTWAIT, NULL);
    if (got < 0) {
        int error = errno;
        m->credit = 0;
        if (error == EBADF || error == ENOTSOCK) {
            burst_gone(b, fd, error);
            return 0;
        }
        if (error == ENETDOWN && burst_packet_failed(b, fd, m)) return 0; /* it is told once */
        burst_adapt(s, m, wanted, 0);
        return error == EAGAIN || error == EINTR || error == ENETDOWN ? 0 : burst_lost(b, m, slot);
    }
    m->largest = 0;
    for (int i = 0; i < got; i++) {
        int32_t length = (int32_t)s->messages[i].msg_len;
        int32_t *row = b->rx + TL_ROW * (slot + i);
        memset(row, 0, TL_ROW * sizeof *row);
        row[TL_RX_SOURCE] = m->source;
        row[TL_RX_LENGTH] = length > HEADER ? length - HEADER : 0;
        row[TL_RX_FLAGS] = s->messages[i].msg_hdr.msg_flags & MSG_TRUNC ? TL_RX_TRUNCATED : 0;
        if (row[TL_RX_LENGTH] >= MACS_LEN) take_tag(&s->messages[i].msg_hdr, burst_slot(b, slot + i), row);
        m->credit -= length + FRAME_COST;
        if (length > m->largest) m->largest = length;
    }
    if (m->down) s->downs--;
    m->down = 0;
    if (got < asked) m->credit = 0; /* who has nothing to say saves nothing up */
    if (got < asked || got == wanted) burst_adapt(s, m, wanted, got);
    return got;
}

/* The caller's first piece begins with 12 bytes of header, of which the socket takes 10. */
int burst_prepare_packet(struct tl_burst *b, const int32_t *row, int i)
{
    struct tl_burst_state *s = b->state;
    struct iovec *pieces = s->pieces[i];
    int count = burst_collect(b, row, pieces + 1);
    if (!count || pieces[1].iov_len < TL_PACKET_HEADER) return 0;
    pieces[0] = (struct iovec){ pieces[1].iov_base, (size_t)HEADER };
    pieces[1].iov_base = (char *)pieces[1].iov_base + TL_PACKET_HEADER;
    pieces[1].iov_len -= TL_PACKET_HEADER;
    s->messages[i].msg_hdr = (struct msghdr){ .msg_iov = pieces, .msg_iovlen = (size_t)count + 1 };
    return 1;
}
