/* A queue's ring, whichever kind it is. Guarded, and the lock is held. */
#include "vhost.h"

void vhost_start(struct vhost_queue *q)
{
    if (q->is_packed) packed_start(q);
    else split_start(q);
}

int vhost_take(struct vhost_queue *q, struct vhost_pieces *scratch, uint8_t *to, size_t room, uint64_t *length)
{
    return q->is_packed ? packed_take(q, scratch, to, room, length) : split_take(q, scratch, to, room, length);
}

int vhost_put(struct vhost_queue *q, struct vhost_pieces *scratch, const struct iovec *pieces, int count)
{
    return q->is_packed ? packed_put(q, scratch, pieces, count) : split_put(q, scratch, pieces, count);
}

void vhost_tell(struct vhost_queue *q)
{
    if (q->is_packed) packed_tell(q);
    else split_tell(q);
}

int vhost_await(struct vhost_queue *q) { return q->is_packed ? packed_await(q) : split_await(q); }
