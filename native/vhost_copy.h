/*
 * Copies of frames between a guest's memory and ours, each byte once. Guarded, and the queue's lock is held. Nearly always the
 * guest's side is one range, and both are short: that is here, for the compiler to put it into the rings' code. The long way
 * is in vhost_copy.c.
 *
 * Our side begins with a virtio-net header of VHOST_HEADER bytes; the guest's may have two less.
 */
#ifndef TAPLOOM_VHOST_COPY_H
#define TAPLOOM_VHOST_COPY_H

#include "vhost.h"
#include <string.h>

#define VHOST_NUM_BUFFERS offsetof(struct virtio_net_hdr_v1, num_buffers)

uint64_t vhost_gather_pieces(struct vhost_queue *q, const struct vhost_pieces *from, uint8_t *to, size_t room);
void vhost_scatter_pieces(struct vhost_queue *q, const struct vhost_pieces *to, const struct iovec *from, int count, int buffers);

/* memcpy without a call, of what small frames consist of: two parts of a fixed length, which may overlap. */
static inline void vhost_copy(uint8_t *to, const uint8_t *from, size_t length)
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

/* Returns the length of it all, also if `room` is less. */
static inline uint64_t vhost_gather(struct vhost_queue *q, const struct vhost_pieces *from, uint8_t *to, size_t room)
{
    if (from->count != 1 || q->header != VHOST_HEADER || from->length < VHOST_HEADER)
        return vhost_gather_pieces(q, from, to, room);
    vhost_copy(to, from->all[0].at, from->length < room ? from->length : room);
    return from->length;
}

/* Of a frame, as the guest sees it. */
static inline uint64_t vhost_length(const struct vhost_queue *q, const struct iovec *pieces, int count)
{
    uint64_t length = 0;
    for (int n = 0; n < count; n++) length += pieces[n].iov_len;
    return length - (VHOST_HEADER - q->header);
}

/* What needs `buffers` of the guest's: 1 without mergeable buffers (virtio 1.2, 5.1.6.4). There is room. */
static inline void vhost_scatter(struct vhost_queue *q, const struct vhost_pieces *to, const struct iovec *from, int count,
                                 int buffers)
{
    if (to->count != 1 || q->header != VHOST_HEADER) {
        vhost_scatter_pieces(q, to, from, count, buffers);
        return;
    }
    uint16_t number = (uint16_t)buffers;
    uint8_t *at = to->all[0].at;
    memcpy(at, from[0].iov_base, VHOST_NUM_BUFFERS);
    memcpy(at + VHOST_NUM_BUFFERS, &number, sizeof number);
    at += VHOST_HEADER;
    vhost_copy(at, (uint8_t *)from[0].iov_base + VHOST_HEADER, from[0].iov_len - VHOST_HEADER);
    at += from[0].iov_len - VHOST_HEADER;
    for (int n = 1; n < count; at += from[n++].iov_len) vhost_copy(at, from[n].iov_base, from[n].iov_len);
    vhost_log(q, to->all[0].at, (uint64_t)(at - to->all[0].at));
}

#endif
