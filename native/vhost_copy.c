/* Copies of frames between a guest's memory and ours, each byte once. Guarded, and the queue's lock is held. */
#include "vhost.h"
#include <string.h>

#define NUM_BUFFERS offsetof(struct virtio_net_hdr_v1, num_buffers)

/* Where in the guest's pieces a copy has come to. */
struct cursor {
    struct vhost_queue *q;
    const struct vhost_piece *piece;
    uint32_t used;
};

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* memcpy without a call, of what small frames consist of: two parts of a fixed length, which may overlap. */
static inline void copy(uint8_t *to, const uint8_t *from, size_t length)
{
    if (length >= 32 && length <= 64) {
        memcpy(to, from, 32);
        memcpy(to + length - 32, from + length - 32, 32);
    } else if (length >= 8 && length <= 16) {
        memcpy(to, from, 8);
        memcpy(to + length - 8, from + length - 8, 8);
    } else if (length > 64 && length <= 128) {
        memcpy(to, from, 64);
        memcpy(to + length - 64, from + length - 64, 64);
    } else {
        memcpy(to, from, length);
    }
}

/* Copies `length` bytes, of which there are as many in the pieces, out of them or (`is_out` 0) into them. */
static void move(struct cursor *c, uint8_t *ours, uint64_t length, int is_out)
{
    while (length > 0) {
        size_t part = (size_t)smaller(length, c->piece->length - c->used);
        uint8_t *theirs = c->piece->at + c->used;
        if (is_out) copy(ours, theirs, part);
        else copy(theirs, ours, part);
        if (!is_out) vhost_log(c->q, theirs, part);
        ours += part;
        length -= part;
        c->used += (uint32_t)part;
        if (c->used == c->piece->length) *c = (struct cursor){ .q = c->q, .piece = c->piece + 1 };
    }
}

/* A frame without a whole header is none: it comes out with no byte behind the header. */
uint64_t vhost_gather(struct vhost_queue *q, const struct vhost_pieces *from, uint8_t *to, size_t room)
{
    struct cursor c = { .q = q, .piece = from->all };
    if (from->count == 1 && q->header == VHOST_HEADER && from->length >= VHOST_HEADER) { /* nearly always */
        copy(to, from->all[0].at, smaller(from->length, room));
        return from->length;
    }
    memset(to, 0, VHOST_HEADER);
    if (from->length < q->header) return VHOST_HEADER;
    move(&c, to, q->header, 1);
    uint64_t left = from->length - q->header;
    move(&c, to + VHOST_HEADER, smaller(left, room - VHOST_HEADER), 1);
    return left + VHOST_HEADER;
}

uint64_t vhost_length(const struct vhost_queue *q, const struct iovec *pieces, int count)
{
    uint64_t length = 0;
    for (int n = 0; n < count; n++) length += pieces[n].iov_len;
    return length - (VHOST_HEADER - q->header);
}

/* All of the frame to one place, which has room for it. */
static void put_straight(struct vhost_queue *q, uint8_t *to, const uint8_t *header, const struct iovec *from, int count)
{
    uint8_t *at = to + q->header;
    if (q->header == VHOST_HEADER) memcpy(to, header, VHOST_HEADER);
    else memcpy(to, header, q->header);
    copy(at, (uint8_t *)from[0].iov_base + VHOST_HEADER, from[0].iov_len - VHOST_HEADER);
    at += from[0].iov_len - VHOST_HEADER;
    for (int n = 1; n < count; n++) {
        copy(at, from[n].iov_base, from[n].iov_len);
        at += from[n].iov_len;
    }
    vhost_log(q, to, (uint64_t)(at - to));
}

void vhost_scatter(struct vhost_queue *q, const struct vhost_pieces *to, const struct iovec *from, int count, int buffers)
{
    struct cursor c = { .q = q, .piece = to->all };
    uint8_t header[VHOST_HEADER];
    uint16_t number = (uint16_t)buffers;
    memcpy(header, from[0].iov_base, sizeof header);
    memcpy(header + NUM_BUFFERS, &number, sizeof number); /* 1 without mergeable buffers: virtio 1.2, 5.1.6.4 */
    if (to->count == 1) {
        put_straight(q, to->all[0].at, header, from, count);
        return;
    }
    move(&c, header, q->header, 0);
    move(&c, (uint8_t *)from[0].iov_base + VHOST_HEADER, from[0].iov_len - VHOST_HEADER, 0);
    for (int n = 1; n < count; n++) move(&c, from[n].iov_base, from[n].iov_len, 0);
}
