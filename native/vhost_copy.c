/* What vhost_copy.h leaves out: a guest's frame in many pieces, and headers of other lengths. */
#include "vhost_copy.h"

/* Where in the guest's pieces a copy has come to. */
struct cursor {
    struct vhost_queue *q;
    const struct vhost_piece *piece;
    uint32_t used;
};

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Copies `length` bytes, of which there are as many in the pieces, out of them or (`is_out` 0) into them. */
static void move(struct cursor *c, uint8_t *ours, uint64_t length, int is_out)
{
    while (length > 0) {
        size_t part = (size_t)smaller(length, c->piece->length - c->used);
        uint8_t *theirs = c->piece->at + c->used;
        if (is_out) vhost_copy(ours, theirs, part);
        else vhost_copy(theirs, ours, part);
        if (!is_out) vhost_log(c->q, theirs, part);
        ours += part;
        length -= part;
        c->used += (uint32_t)part;
        if (c->used == c->piece->length) *c = (struct cursor){ .q = c->q, .piece = c->piece + 1 };
    }
}

/* A frame without a whole header is none: it comes out with no byte behind the header. */
uint64_t vhost_gather_pieces(struct vhost_queue *q, const struct vhost_pieces *from, uint8_t *to, size_t room)
{
    struct cursor c = { .q = q, .piece = from->all };
    memset(to, 0, VHOST_HEADER);
    if (from->length < q->header) return VHOST_HEADER;
    move(&c, to, q->header, 1);
    uint64_t left = from->length - q->header;
    move(&c, to + VHOST_HEADER, smaller(left, room - VHOST_HEADER), 1);
    return left + VHOST_HEADER;
}

void vhost_scatter_pieces(struct vhost_queue *q, const struct vhost_pieces *to, const struct iovec *from, int count, int buffers)
{
    struct cursor c = { .q = q, .piece = to->all };
    uint8_t header[VHOST_HEADER];
    uint16_t number = (uint16_t)buffers;
    memcpy(header, from[0].iov_base, sizeof header);
    memcpy(header + VHOST_NUM_BUFFERS, &number, sizeof number);
    move(&c, header, q->header, 0);
    move(&c, (uint8_t *)from[0].iov_base + VHOST_HEADER, from[0].iov_len - VHOST_HEADER, 0);
    for (int n = 1; n < count; n++) move(&c, from[n].iov_base, from[n].iov_len, 0);
}
