/*
 * The back end of vhost-user: rings in a guest's memory, which nobody but these files touches.
 *
 *   control plane (vhost_control.c) -> device -> queues <- bursts of the workers (vhost_receive.c, vhost_transmit.c)
 *
 * The guest is hostile: a word in its memory is read once, checked, and then used. Who looks at a ring holds its queue's lock;
 * who changes mappings holds all of them, and unmaps afterwards. Memory may vanish (ftruncate): see vhost_guarded.
 */
#ifndef TAPLOOM_VHOST_H
#define TAPLOOM_VHOST_H

#include "taploom.h"
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define VHOST_F_LOG_ALL 26   /* of linux/vhost_types.h, whose names are others than these */
#define VHOST_DEVICES 4096
#define VHOST_PAIRS 16
#define VHOST_REGIONS 64     /* of memory; QEMU has a few, and one more for each DIMM that is plugged in */
#define VHOST_RING_MAX 32768 /* virtio 1.2, 2.7 */
#define VHOST_CHAIN_MAX 1024 /* descriptors of one chain, as QEMU has it: no driver makes longer ones */
#define VHOST_PIECES 1280    /* ranges of our memory that one frame is taken from, or put into */
#define VHOST_HEADER 12      /* struct virtio_net_hdr_v1; without VERSION_1 and MRG_RXBUF the last two bytes are missing */

/* Why a ring is broken: src/device/vhost_user/breakage.ts has the sentences. */
enum vhost_breakage {
    VHOST_SOUND, VHOST_NO_RING, VHOST_INDEX, VHOST_HEAD, VHOST_ADDRESS, VHOST_CHAIN, VHOST_DIRECTION, VHOST_INDIRECT,
    VHOST_VANISHED
};

struct vhost_region {
    uint64_t guest, user, size; /* where it is for the guest and for the front end's process */
    uint8_t *at;                /* and for us */
    void *mapping;
    size_t mapped;
};

struct vhost_memory {
    int count;
    struct vhost_region regions[VHOST_REGIONS];
};

/* What the front end says of a ring; addresses are those of its process. */
struct vhost_ring_setup {
    uint32_t num;
    uint32_t base;
    uint64_t desc, avail, used;
};

struct vhost_piece {
    uint8_t *at;
    uint32_t length;
};

/* What a frame is taken from or put into. */
struct vhost_pieces {
    int count;
    uint64_t length;
    struct vhost_piece all[VHOST_PIECES];
};

struct vhost_queue {
    pthread_mutex_t lock;
    struct vhost_device *device;
    struct vhost_ring_setup setup;
    uint64_t features;
    uint8_t is_set_up;    /* there is a ring to speak of */
    uint8_t is_started;   /* the front end gave it a kick */
    uint8_t is_enabled;
    uint8_t is_mapped;    /* `desc`, `avail`, `used` are valid */
    uint8_t is_toward_guest;
    uint8_t is_packed;
    uint8_t is_logging;
    uint8_t is_asking;    /* for a kick */
    uint8_t header;       /* bytes of virtio-net header before each frame */
    uint8_t broken;       /* enum vhost_breakage */
    uint16_t mask;
    const struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    uint16_t last_avail;  /* next entry of the available ring */
    uint16_t seen_avail;  /* avail->idx, as read last */
    uint16_t used_idx;    /* next entry of the used ring */
    uint16_t told_used;   /* used->idx, as the guest knows it */
    uint8_t wrap;         /* packed: the guest's counter at last_avail, where the next used mark goes, too */
    uint32_t untold;      /* packed: used slots that the guest has not been shown */
    uint16_t first_at, first_flags; /* packed: the first of them, and what will show them */
    int last_region;      /* where the last address was found */
    int kick, call, err;
    double frames, full, calls;
};

struct vhost_device {
    int epoll;            /* readable when a ring was kicked; never drained, see burst_add */
    int nudge;            /* eventfd: the control plane has done something that the worker should see */
    int alarm;            /* eventfd: a ring broke */
    int pairs;            /* queue 2n is from switch to guest, 2n + 1 from guest to switch */
    uint64_t features;
    unsigned turn;        /* pair whose turn it is to be read first */
    uint64_t announced;   /* a MAC in the lower 6 bytes and 1 above: a RARP frame is to be made */
    uint8_t *log;         /* of dirty pages, in memory of the front end's */
    uint64_t log_size;
    struct vhost_region log_region;
    struct vhost_memory memory;
    struct vhost_queue queues[2 * VHOST_PAIRS];
};

struct vhost_device *vhost_find(int handle);
static inline int vhost_has(const struct vhost_queue *q, int feature)
{
    return (int)(q->features >> feature & 1);
}

/* vhost_guard.c: 0, or -EFAULT if `act` touched memory that is there no longer. Locks that it took stay taken. */
int vhost_guarded(void (*act)(void *), void *context);

/* vhost_memory.c */
void *vhost_of_user(const struct vhost_memory *m, uint64_t user, uint64_t size);
void *vhost_of_guest(struct vhost_queue *q, uint64_t guest, uint64_t size); /* NULL unless it is all in one region */
int vhost_collect_far(struct vhost_queue *q, uint64_t guest, uint32_t length, struct vhost_pieces *pieces);
/* Appends the pieces of a guest's range; false if it is not all in the guest's memory, or there are too many. */
static inline int vhost_collect(struct vhost_queue *q, uint64_t guest, uint32_t length, struct vhost_pieces *pieces)
{
    const struct vhost_memory *m = &q->device->memory;
    const struct vhost_region *r = &m->regions[q->last_region];
    uint64_t into = guest - r->guest; /* of what is before the region: more than its size */
    if (q->last_region >= m->count || length == 0 || into >= r->size || length > r->size - into ||
        pieces->count == VHOST_PIECES) return vhost_collect_far(q, guest, length, pieces);
    pieces->all[pieces->count++] = (struct vhost_piece){ .at = r->at + into, .length = length };
    pieces->length += length;
    return 1;
}

/* vhost_log.c: after a write to the guest's memory */
void vhost_log_written(struct vhost_queue *q, const void *at, uint64_t size);
static inline void vhost_log(struct vhost_queue *q, const void *at, uint64_t size)
{
    if (q->is_logging) vhost_log_written(q, at, size);
}

/* vhost_queue.c: the lock is held */
void vhost_break(struct vhost_queue *q, int breakage);
int vhost_is_running(const struct vhost_queue *q);
int vhost_map_ring(struct vhost_queue *q); /* 0, or the breakage */
void vhost_signal(int fd);
void vhost_call(struct vhost_queue *q);    /* interrupts the guest */

/* vhost_split.c: guarded, and the lock is held. They break a ring that lies. */
void split_start(struct vhost_queue *q);
/* Takes a frame into `to`, virtio-net header of VHOST_HEADER bytes first: 1 = taken, 0 = none. `length`: of it all, also if `room` is less. */
int split_take(struct vhost_queue *q, struct vhost_pieces *scratch, uint8_t *to, size_t room, uint64_t *length);
/* Puts a frame, virtio-net header of VHOST_HEADER bytes first: its length, or -errno. */
int split_put(struct vhost_queue *q, struct vhost_pieces *scratch, const struct iovec *pieces, int count);
void split_tell(struct vhost_queue *q);    /* the guest, of what was used */
int split_await(struct vhost_queue *q);    /* asks for a kick: 1 = there is something already */
void split_silence(struct vhost_queue *q); /* no kicks, please */

/* vhost_packed.c: the same */
void packed_start(struct vhost_queue *q);
int packed_take(struct vhost_queue *q, struct vhost_pieces *scratch, uint8_t *to, size_t room, uint64_t *length);
int packed_put(struct vhost_queue *q, struct vhost_pieces *scratch, const struct iovec *pieces, int count);
void packed_tell(struct vhost_queue *q);
int packed_await(struct vhost_queue *q);
void packed_silence(struct vhost_queue *q);
int packed_base(const struct vhost_queue *q); /* as GET_VRING_BASE tells it */

/* The same, of the kind of ring that was negotiated. */
static inline void vhost_start(struct vhost_queue *q)
{
    if (q->is_packed) packed_start(q);
    else split_start(q);
}

static inline int vhost_take(struct vhost_queue *q, struct vhost_pieces *scratch, uint8_t *to, size_t room, uint64_t *length)
{
    return q->is_packed ? packed_take(q, scratch, to, room, length) : split_take(q, scratch, to, room, length);
}

static inline int vhost_put(struct vhost_queue *q, struct vhost_pieces *scratch, const struct iovec *pieces, int count)
{
    return q->is_packed ? packed_put(q, scratch, pieces, count) : split_put(q, scratch, pieces, count);
}

static inline void vhost_tell(struct vhost_queue *q)
{
    if (q->is_packed) packed_tell(q);
    else split_tell(q);
}

static inline int vhost_await(struct vhost_queue *q)
{
    int has_more = q->is_packed ? packed_await(q) : split_await(q);
    q->is_asking = !has_more;
    return has_more;
}

/* Whose ring is looked at again and again need not kick. */
static inline void vhost_hush(struct vhost_queue *q)
{
    if (!q->is_asking) return;
    q->is_asking = 0;
    if (q->is_packed) packed_silence(q);
    else split_silence(q);
}

#endif
