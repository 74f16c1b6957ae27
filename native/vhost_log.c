/*
 * The log of dirty pages of a live migration: a bit for each page of the guest's memory that we wrote to. It is the front end's
 * memory, too, so all of this is guarded.
 */
#include "vhost.h"

#define PAGE_SHIFT 12

static void mark(struct vhost_device *d, uint64_t guest, uint64_t size)
{
    for (uint64_t page = guest >> PAGE_SHIFT; page <= (guest + size - 1) >> PAGE_SHIFT; page++)
        if (page / 8 < d->log_size) __atomic_fetch_or(&d->log[page / 8], (uint8_t)(1 << page % 8), __ATOMIC_RELAXED);
}

void vhost_log_written(struct vhost_queue *q, const void *at, uint64_t size)
{
    struct vhost_memory *m = &q->device->memory;
    for (int n = 0; n < m->count; n++) {
        const struct vhost_region *r = &m->regions[n];
        uint64_t into = (uint64_t)((uintptr_t)at - (uintptr_t)r->at);
        if ((uintptr_t)at < (uintptr_t)r->at || into >= r->size) continue;
        mark(q->device, r->guest + into, size);
        return;
    }
}
