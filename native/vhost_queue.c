/* One queue: where its ring is, whether it may be used, and how the two sides wake each other. The lock is held. */
#include "vhost.h"
#include <unistd.h>

/* Full is good enough: the reader has been told. */
void vhost_signal(int fd)
{
    uint64_t one = 1;
    if (fd >= 0 && write(fd, &one, sizeof one) < 0) return;
}

void vhost_call(struct vhost_queue *q)
{
    vhost_signal(q->call);
    q->calls++;
}

/* The front end is told, too: virtio's NEEDS_RESET is its business. */
void vhost_break(struct vhost_queue *q, int breakage)
{
    if (q->broken) return;
    q->broken = (uint8_t)breakage;
    vhost_signal(q->err);
    vhost_signal(q->device->alarm);
}

int vhost_is_running(const struct vhost_queue *q)
{
    return q->is_started && q->is_enabled && q->is_mapped && !q->broken;
}

static int is_aligned(const void *at, uintptr_t to) { return ((uintptr_t)at & (to - 1)) == 0; }

/* Alignments are those of virtio 1.2, 2.7. */
int vhost_map_ring(struct vhost_queue *q)
{
    const struct vhost_memory *m = &q->device->memory;
    const struct vhost_ring_setup *s = &q->setup;
    q->is_mapped = 0;
    if (!q->is_set_up) return VHOST_SOUND;
    uint64_t event = sizeof(uint16_t), packed = sizeof(struct vring_packed_desc_event);
    uint64_t avail = sizeof *q->avail + s->num * sizeof q->avail->ring[0] + event;
    uint64_t used = sizeof *q->used + s->num * sizeof q->used->ring[0] + event;
    q->desc = vhost_of_user(m, s->desc, s->num * sizeof *q->desc);
    q->avail = vhost_of_user(m, s->avail, q->is_packed ? packed : avail);
    q->used = vhost_of_user(m, s->used, q->is_packed ? packed : used);
    if (!q->desc || !q->avail || !q->used || !is_aligned(q->desc, 8) || !is_aligned(q->avail, 2) || !is_aligned(q->used, 4))
        return VHOST_NO_RING;
    q->mask = (uint16_t)(s->num - 1);
    q->is_mapped = 1;
    return VHOST_SOUND;
}
