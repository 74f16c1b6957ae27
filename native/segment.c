/*
 * What segmentation hardware does to a TCP or UDP super-frame inside a tunnel: a copy of the headers for each segment,
 * with lengths, IPv4 identification, sequence number, flags and checksums patched. All else is TypeScript's.
 *
 *   headers (aux)          | tunnel | MACs | tag | IP | TCP |      checksum: the sum of the pseudo-header, no length
 *   payload (the frame)    | size bytes | size bytes | rest |
 *   message                | headers 0 | payload 0 | headers 1 | payload 1 | ...      the payload stays where it is
 */
#include "segment.h"
#include "burst.h"
#include "checksum.h"
#include <errno.h>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, TCP_HEADER = 20, UDP_HEADER = 8 };
enum { TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_CWR = 0x80 };

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void add32(uint8_t *at, uint32_t more)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    value = htonl(ntohl(value) + more);
    memcpy(at, &value, sizeof value);
}

struct layout {
    int l3, l4, header; /* offsets in the headers, and their length */
    int size;           /* payload of a segment */
    uint8_t is_tcp, is_ipv4;
};

/* Patches the headers at `h` into those of segment `n` with this payload. */
static void patch(uint8_t *h, const struct layout *o, int n, int is_last, const uint8_t *payload, int length)
{
    uint8_t *l3 = h + o->l3, *l4 = h + o->l4;
    int l4_length = o->header - o->l4 + length;
    if (o->is_ipv4) {
        put16(l3 + 2, (unsigned)(o->l4 - o->l3 + l4_length));
        put16(l3 + 4, get16(l3 + 4) + (unsigned)n);
        memset(l3 + 10, 0, 2);
        uint16_t sum = (uint16_t)~sum_fold(sum_add(l3, (size_t)(o->l4 - o->l3), 0));
        memcpy(l3 + 10, &sum, sizeof sum);
    } else {
        put16(l3 + 4, (unsigned)(o->l4 - o->l3 - IPV6_HEADER + l4_length));
    }
    if (o->is_tcp) {
        add32(l4 + 4, (uint32_t)n * (uint32_t)o->size);
        if (n > 0) l4[13] &= (uint8_t)~TCP_CWR;
        if (!is_last) l4[13] &= (uint8_t)~(TCP_FIN | TCP_PSH);
    } else {
        put16(l4 + 4, (unsigned)l4_length);
    }
    uint64_t sum = sum_add(l4, (size_t)(o->header - o->l4), htons((uint16_t)l4_length));
    uint16_t field = sum_finish(sum_add(payload, (size_t)length, sum));
    memcpy(l4 + (o->is_tcp ? 16 : 6), &field, sizeof field);
}

static int inside(const struct tl_burst *b, int64_t offset, int64_t length)
{
    return offset >= 0 && length > 0 && offset + length <= b->words[TL_BYTES];
}

/* False if the row contradicts itself. */
static int lay_out(const struct tl_burst *b, const int32_t *row, struct layout *o)
{
    int protocol = row[TL_TX_SEGMENT] >> 16;
    *o = (struct layout){
        .l3 = row[TL_TX_LAYERS] >> 16, .l4 = row[TL_TX_LAYERS] & 0xffff, .header = row[TL_TX_PIECE + 1],
        .size = row[TL_TX_SEGMENT] & 0xffff, .is_tcp = protocol == IPPROTO_TCP,
    };
    if (!inside(b, row[TL_TX_PIECE], o->header) || !inside(b, row[TL_TX_PIECE + 2], row[TL_TX_PIECE + 3])) return 0;
    if (o->header > SEGMENT_HEADER_MAX || o->size == 0 || (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)) return 0;
    if (o->l4 + (o->is_tcp ? TCP_HEADER : UDP_HEADER) > o->header || o->l3 < 0 || o->l3 >= o->l4) return 0;
    int version = b->bytes[row[TL_TX_PIECE] + o->l3] >> 4;
    o->is_ipv4 = version == 4;
    return (version == 4 || version == 6) && o->l4 - o->l3 >= (o->is_ipv4 ? IPV4_HEADER : IPV6_HEADER);
}

static int cut(const struct tl_burst *b, const int32_t *row, struct segments *s)
{
    struct layout o;
    if (!lay_out(b, row, &o)) return 0;
    const uint8_t *headers = b->bytes + row[TL_TX_PIECE];
    uint8_t *payload = b->bytes + row[TL_TX_PIECE + 2], *h = s->headers;
    int left = row[TL_TX_PIECE + 3];
    if ((left + o.size - 1) / o.size > SEGMENTS_MAX) return 0;
    struct iovec *piece = s->pieces;
    for (int n = 0; left > 0; n++) {
        int length = left < o.size ? left : o.size;
        left -= length;
        memcpy(h, headers, (size_t)o.header);
        patch(h, &o, n, left == 0, payload, length);
        *piece++ = (struct iovec){ .iov_base = h, .iov_len = (size_t)o.header };
        *piece++ = (struct iovec){ .iov_base = payload, .iov_len = (size_t)length };
        payload += length;
        h += o.header;
    }
    s->count = (int)(piece - s->pieces) / 2;
    s->length = o.header + o.size;
    return 1;
}

static size_t put_segment_size(char *control, uint16_t size)
{
    struct cmsghdr *c = (struct cmsghdr *)control;
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof size);
    memcpy(CMSG_DATA(c), &size, sizeof size);
    return CMSG_SPACE(sizeof size);
}

static int32_t send_message(int fd, const struct msghdr *message)
{
    for (int tries = 0; tries < EINTR_TRIES; tries++) {
        ssize_t sent = sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) return (int32_t)sent;
        if (errno != EINTR) return -errno;
    }
    return -EINTR;
}

/* All bytes, or the first error: the segments behind it are sent nevertheless. */
static int32_t send_each(int fd, struct segments *s, struct msghdr message)
{
    int32_t total = 0, error = 0;
    message.msg_iovlen = 2;
    for (int n = 0; n < s->count; n++) {
        message.msg_iov = s->pieces + 2 * n;
        int32_t sent = send_message(fd, &message);
        if (sent >= 0) total += sent;
        else if (!error) error = sent;
    }
    return error ? error : total;
}

/*
 * All segments in one sendmsg() with UDP_SEGMENT. Where the kernel refuses (EIO: a device without checksum offload, before
 * Linux 6.11; EINVAL: a socket without checksums, a route with IPsec), each as a datagram of its own.
 */
int32_t segments_transmit(struct tl_burst *b, int32_t *row)
{
    struct segments *s = &b->state->segments;
    struct msghdr message;
    if (!burst_address(b, row, &message, b->state->control[0]) || !cut(b, row, s)) return -EFAULT;
    if (s->count > 1 && row[TL_TX_UDP_SEGMENT] > 0) {
        struct msghdr whole = message;
        char *control = b->state->control[0];
        whole.msg_iov = s->pieces;
        whole.msg_iovlen = 2 * (size_t)s->count;
        whole.msg_control = control;
        whole.msg_controllen += put_segment_size(control + message.msg_controllen, (uint16_t)s->length);
        int32_t sent = send_message(row[TL_TX_FD], &whole);
        if (sent != -EIO && sent != -EINVAL) return sent;
        /* If that fails too, it was not about segments: older kernels say EINVAL where newer ones say EMSGSIZE. */
        int32_t each = send_each(row[TL_TX_FD], s, message);
        if (each >= 0) row[TL_TX_UDP_SEGMENT] = sent;
        return each;
    }
    return send_each(row[TL_TX_FD], s, message);
}
