/* What the control plane does to a device. It holds the locks of the queues that it changes, so no burst sees half of it. */
#include "vhost.h"
#include "vhost_map.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static _Atomic(struct vhost_device *) devices[VHOST_DEVICES];

struct vhost_device *vhost_find(int handle)
{
    return handle >= 0 && handle < VHOST_DEVICES ? atomic_load_explicit(&devices[handle], memory_order_acquire) : NULL;
}

static struct vhost_queue *find_queue(int handle, int queue)
{
    struct vhost_device *d = vhost_find(handle);
    return d && queue >= 0 && queue < 2 * d->pairs ? &d->queues[queue] : NULL;
}

static void lock_all(struct vhost_device *d)
{
    for (int n = 0; n < 2 * d->pairs; n++) pthread_mutex_lock(&d->queues[n].lock);
}

static void unlock_all(struct vhost_device *d)
{
    for (int n = 0; n < 2 * d->pairs; n++) pthread_mutex_unlock(&d->queues[n].lock);
}

static void give_up(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void free_device(struct vhost_device *d)
{
    for (int n = 0; n < 2 * d->pairs; n++) {
        struct vhost_queue *q = &d->queues[n];
        give_up(&q->kick);
        give_up(&q->call);
        give_up(&q->err);
        pthread_mutex_destroy(&q->lock);
    }
    vhost_unmap(&d->memory);
    vhost_unmap_region(&d->log_region);
    give_up(&d->epoll);
    give_up(&d->nudge);
    give_up(&d->alarm);
    free(d);
}

static struct vhost_device *make(int pairs)
{
    struct vhost_device *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->pairs = pairs;
    for (int n = 0; n < 2 * pairs; n++) {
        struct vhost_queue *q = &d->queues[n];
        pthread_mutex_init(&q->lock, NULL);
        q->device = d;
        q->is_toward_guest = n % 2 == 0;
        q->kick = q->call = q->err = -1;
    }
    d->epoll = epoll_create1(EPOLL_CLOEXEC);
    d->nudge = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    d->alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    if (d->epoll >= 0 && d->nudge >= 0 && d->alarm >= 0 && epoll_ctl(d->epoll, EPOLL_CTL_ADD, d->nudge, &event) == 0)
        return d;
    int error = errno;
    free_device(d);
    errno = error;
    return NULL;
}

int tl_vhost_open(int pairs)
{
    if (pairs < 1 || pairs > VHOST_PAIRS) return -EINVAL;
    struct vhost_device *d = make(pairs);
    if (!d) return -errno;
    for (int handle = 0; handle < VHOST_DEVICES; handle++) {
        struct vhost_device *none = NULL;
        if (atomic_compare_exchange_strong(&devices[handle], &none, d)) return handle;
    }
    free_device(d);
    return -EMFILE;
}

int tl_vhost_close(int device)
{
    struct vhost_device *d = vhost_find(device);
    if (!d) return -ENOENT;
    atomic_store(&devices[device], NULL);
    free_device(d);
    return 0;
}

int tl_vhost_fds(int device, int32_t *words)
{
    struct vhost_device *d = vhost_find(device);
    if (!d) return -ENOENT;
    words[TL_VHOST_WAIT_FD] = d->epoll;
    words[TL_VHOST_ALARM_FD] = d->alarm;
    return 0;
}

int tl_vhost_set_features(int device, const uint64_t *features)
{
    struct vhost_device *d = vhost_find(device);
    if (!d) return -ENOENT;
    lock_all(d);
    d->features = *features;
    for (int n = 0; n < 2 * d->pairs; n++) {
        struct vhost_queue *q = &d->queues[n];
        q->features = *features;
        q->header = vhost_has(q, VIRTIO_F_VERSION_1) || vhost_has(q, VIRTIO_NET_F_MRG_RXBUF) ? VHOST_HEADER : VHOST_HEADER - 2;
        /* A ring that is in use stays the kind that it is. */
        if (!q->is_set_up) q->is_packed = (uint8_t)vhost_has(q, VIRTIO_F_RING_PACKED);
        q->is_logging = d->log && vhost_has(q, VHOST_F_LOG_ALL);
    }
    unlock_all(d);
    return 0;
}

/* Rings are where the new mappings have them; one that is nowhere now breaks, if it is in use. */
static void map_rings(struct vhost_device *d)
{
    for (int n = 0; n < 2 * d->pairs; n++) {
        struct vhost_queue *q = &d->queues[n];
        q->last_region = 0;
        if (vhost_map_ring(q) && q->is_started) vhost_break(q, VHOST_NO_RING);
    }
}

static int map_all(struct vhost_memory *m, const uint64_t *regions, const int32_t *fds, int count)
{
    for (int n = 0; n < count; n++, regions += TL_VHOST_REGION_WORDS) {
        struct vhost_region *r = &m->regions[m->count];
        *r = (struct vhost_region){
            .guest = regions[TL_VHOST_REGION_GUEST], .size = regions[TL_VHOST_REGION_SIZE],
            .user = regions[TL_VHOST_REGION_USER],
        };
        int result = vhost_map_region(r, regions[TL_VHOST_REGION_OFFSET], fds[n]);
        if (result < 0) return result;
        m->count++;
    }
    return 0;
}

/* Exchanges the mappings while nobody looks at a ring, and unmaps the old ones when nobody can any more. */
static void exchange(struct vhost_device *d, struct vhost_memory *m)
{
    lock_all(d);
    struct vhost_memory old = d->memory;
    d->memory = *m;
    map_rings(d);
    unlock_all(d);
    *m = old;
}

int tl_vhost_set_memory(int device, const uint64_t *regions, const int32_t *fds, int count)
{
    struct vhost_device *d = vhost_find(device);
    struct vhost_memory m = { 0 };
    if (!d) return -ENOENT;
    if (count < 0 || count > VHOST_REGIONS) return -E2BIG;
    int result = map_all(&m, regions, fds, count);
    if (result == 0) exchange(d, &m);
    vhost_unmap(&m);
    return result;
}

int tl_vhost_add_memory(int device, const uint64_t *region, int fd)
{
    struct vhost_device *d = vhost_find(device);
    if (!d) return -ENOENT;
    struct vhost_memory m = d->memory;
    if (m.count == VHOST_REGIONS) return -E2BIG;
    int result = map_all(&m, region, &fd, 1);
    if (result == 0) exchange(d, &m); /* what was there is in the new one, too: nothing to unmap */
    return result;
}

int tl_vhost_remove_memory(int device, const uint64_t *region)
{
    struct vhost_device *d = vhost_find(device);
    if (!d) return -ENOENT;
    struct vhost_memory m = d->memory, gone = { 0 };
    for (int n = 0; n < m.count; n++) {
        struct vhost_region *r = &m.regions[n];
        if (r->guest != region[TL_VHOST_REGION_GUEST] || r->size != region[TL_VHOST_REGION_SIZE] ||
            r->user != region[TL_VHOST_REGION_USER]) continue;
        gone.regions[gone.count++] = *r;
        *r = m.regions[--m.count];
        exchange(d, &m);
        vhost_unmap(&gone);
        return 0;
    }
    return -ENOENT;
}

int tl_vhost_set_log(int device, const uint64_t *words, int fd)
{
    struct vhost_device *d = vhost_find(device);
    if (!d) return -ENOENT;
    struct vhost_region r = { .size = words[0] };
    int result = fd < 0 ? 0 : vhost_map_region(&r, words[1], fd);
    if (result < 0) return result;
    lock_all(d);
    struct vhost_region old = d->log_region;
    d->log_region = r;
    d->log = r.at;
    d->log_size = r.at ? r.size : 0;
    for (int n = 0; n < 2 * d->pairs; n++)
        d->queues[n].is_logging = d->log && vhost_has(&d->queues[n], VHOST_F_LOG_ALL);
    unlock_all(d);
    vhost_unmap_region(&old);
    return 0;
}

int tl_vhost_set_ring(int device, int queue, const uint64_t *words)
{
    struct vhost_queue *q = find_queue(device, queue);
    uint64_t num = words[TL_VHOST_RING_NUM];
    if (!q) return -ENOENT;
    pthread_mutex_lock(&q->lock);
    if (num == 0 || num > VHOST_RING_MAX || (!q->is_packed && num & (num - 1))) {
        pthread_mutex_unlock(&q->lock);
        return -EINVAL;
    }
    q->setup = (struct vhost_ring_setup){
        .num = (uint32_t)num, .base = (uint32_t)words[TL_VHOST_RING_BASE], .desc = words[TL_VHOST_RING_DESC],
        .avail = words[TL_VHOST_RING_AVAIL], .used = words[TL_VHOST_RING_USED],
    };
    q->is_set_up = 1;
    int breakage = vhost_map_ring(q);
    if (breakage && q->is_started) vhost_break(q, breakage);
    pthread_mutex_unlock(&q->lock);
    return breakage ? -EFAULT : 0;
}

/* An eventfd, and nothing else: reading, writing or waiting for another kind of file might block a worker. */
static int is_eventfd(int fd)
{
    char path[32], text[32] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return readlink(path, text, sizeof text - 1) > 0 && strcmp(text, "anon_inode:[eventfd]") == 0;
}

static int *fd_of(struct vhost_queue *q, int which)
{
    return which == TL_VHOST_KICK ? &q->kick : which == TL_VHOST_CALL ? &q->call : &q->err;
}

int tl_vhost_set_fd(int device, int queue, int which, int fd)
{
    struct vhost_queue *q = find_queue(device, queue);
    if (!q || (fd >= 0 && !is_eventfd(fd))) {
        if (fd >= 0) close(fd);
        return q ? -EINVAL : -ENOENT;
    }
    if (fd >= 0) tl_set_nonblocking(fd);
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    pthread_mutex_lock(&q->lock);
    int *place = fd_of(q, which), result = 0;
    if (which == TL_VHOST_KICK && *place >= 0) epoll_ctl(q->device->epoll, EPOLL_CTL_DEL, *place, NULL);
    give_up(place);
    *place = fd;
    if (which == TL_VHOST_KICK && fd >= 0 && epoll_ctl(q->device->epoll, EPOLL_CTL_ADD, fd, &event) < 0) result = -errno;
    pthread_mutex_unlock(&q->lock);
    return result;
}

static void start(void *queue)
{
    struct vhost_queue *q = queue;
    q->broken = VHOST_SOUND;
    vhost_start(q);
    q->is_started = 1;
}

/*
 * A ring from the guest that runs from now on: the worker looks at it at once, as the guest may have filled it before anybody
 * heard its kicks. Other steps of the negotiation are nothing that the worker should wake up for.
 */
static void nudge(const struct vhost_queue *q, int runs)
{
    int is_from_guest = (q - q->device->queues) % 2;
    if (runs && is_from_guest) vhost_signal(q->device->nudge);
}

int tl_vhost_start(int device, int queue)
{
    struct vhost_queue *q = find_queue(device, queue);
    if (!q) return -ENOENT;
    pthread_mutex_lock(&q->lock);
    int result = q->is_mapped ? vhost_guarded(start, q) : -EINVAL;
    if (result < 0) vhost_break(q, q->is_mapped ? VHOST_VANISHED : VHOST_NO_RING);
    int runs = vhost_is_running(q);
    pthread_mutex_unlock(&q->lock);
    nudge(q, runs);
    return result;
}

/* What a burst has put into the ring and not told yet. */
static void finish(void *queue)
{
    vhost_tell(queue);
}

int tl_vhost_stop(int device, int queue, int32_t *at)
{
    struct vhost_queue *q = find_queue(device, queue);
    if (!q) return -ENOENT;
    pthread_mutex_lock(&q->lock);
    if (q->is_mapped && !q->broken) vhost_guarded(finish, q);
    q->is_started = 0;
    q->is_set_up = 0;
    q->is_mapped = 0;
    q->broken = VHOST_SOUND;
    int base = q->is_packed ? packed_base(q) : q->last_avail;
    q->is_packed = (uint8_t)vhost_has(q, VIRTIO_F_RING_PACKED);
    *at = base;
    pthread_mutex_unlock(&q->lock);
    return 0;
}

int tl_vhost_enable(int device, int queue, int on)
{
    struct vhost_queue *q = find_queue(device, queue);
    if (!q) return -ENOENT;
    pthread_mutex_lock(&q->lock);
    q->is_enabled = on != 0;
    int runs = vhost_is_running(q);
    pthread_mutex_unlock(&q->lock);
    nudge(q, runs);
    return 0;
}

int tl_vhost_announce(int device, const uint8_t *mac)
{
    struct vhost_device *d = vhost_find(device);
    uint64_t value = 0;
    if (!d) return -ENOENT;
    memcpy(&value, mac, 6);
    __atomic_store_n(&d->announced, value | 1ull << 48, __ATOMIC_RELEASE);
    vhost_signal(d->nudge);
    return 0;
}

int tl_vhost_take_alarm(int device)
{
    struct vhost_device *d = vhost_find(device);
    uint64_t count;
    if (!d) return -ENOENT;
    return read(d->alarm, &count, sizeof count) < 0 ? -errno : 0;
}

/* Without locks: a word is as old as it is. */
int tl_vhost_states(int device, double *words)
{
    struct vhost_device *d = vhost_find(device);
    if (!d) return -ENOENT;
    for (int n = 0; n < 2 * d->pairs; n++, words += TL_VHOST_STATE_WORDS) {
        const struct vhost_queue *q = &d->queues[n];
        words[TL_VHOST_RUNNING] = vhost_is_running(q);
        words[TL_VHOST_BROKEN] = q->broken;
        words[TL_VHOST_FRAMES] = q->frames;
        words[TL_VHOST_FULL] = q->full;
        words[TL_VHOST_CALLS] = q->calls;
    }
    return 0;
}
