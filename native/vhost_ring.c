/* A queue's ring, whichever kind it is. Guarded, and the lock is held. */
#include "vhost.h"

void vhost_start(struct vhost_queue *q) { split_start(q); }

int vhost_take(struct vhost_queue *q, struct vhost_pieces *scratch, uint8_t *to, size_t room, uint64_t *length)
{
    return split_take(q, scratch, to, room, length);
}

int vhost_put(struct vhost_queue *q, struct vhost_pieces *scratch, const struct iovec *pieces, int count)
{
    return split_put(q, scratch, pieces, count);
}

void vhost_tell(struct vhost_queue *q) { split_tell(q); }

int vhost_await(struct vhost_queue *q) { return split_await(q); }
