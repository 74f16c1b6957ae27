/*
 * The packed ring of virtio 1.2, 2.8: one table, in which the guest makes descriptors available and we mark them used, each in
 * turn; a counter on either side tells this round's marks from the last one's.
 *
 *   desc:  | addr | len | id | flags: NEXT WRITE INDIRECT ... AVAIL USED |  x num       avail, used: | off_wrap | flags |
 *
 * Chains are used in order and at once: where the next one begins the next used mark goes. The flags of the first used
 * descriptor are written last, so that the guest sees all of a frame or nothing.
 */
#include "vhost_copy.h"
#include <errno.h>
#include <string.h>

#define AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define USED (1 << VRING_PACKED_DESC_F_USED)

/* A place in the ring, and the guest's counter there. */
struct place {
    uint16_t at;
    uint16_t wrap;
};

struct chain {
    struct place place;
    uint16_t id, slots;
    uint32_t share;
};

static struct vring_packed_desc *descriptor(const struct vhost_queue *q, uint16_t at)
{
    return (struct vring_packed_desc *)q->desc + at;
}

static struct vring_packed_desc_event *event_of(void *at) { return at; }

static struct place next_place(const struct vhost_queue *q) { return (struct place){ q->last_avail, q->wrap }; }

static struct place advance(const struct vhost_queue *q, struct place p, uint32_t slots)
{
    uint32_t at = p.at + slots;
    if (at < q->setup.num) return (struct place){ (uint16_t)at, p.wrap };
    return (struct place){ (uint16_t)(at - q->setup.num), !p.wrap };
}

void packed_start(struct vhost_queue *q)
{
    q->last_avail = q->setup.base & 0x7fff;
    q->wrap = q->setup.base >> 15 & 1;
    q->untold = 0;
    if (q->last_avail >= q->setup.num) vhost_break(q, VHOST_INDEX);
    else packed_silence(q);
}

int packed_base(const struct vhost_queue *q)
{
    uint32_t half = q->last_avail | (uint32_t)q->wrap << 15;
    return (int)(half | half << 16); /* what is available next, and what is used next */
}

static int is_avail(struct vhost_queue *q, struct place p)
{
    uint16_t flags = __atomic_load_n(&descriptor(q, p.at)->flags, __ATOMIC_ACQUIRE);
    int is_marked = (flags & AVAIL) != 0, is_used = (flags & USED) != 0;
    return is_marked == p.wrap && is_used != p.wrap;
}

/* Two loads, so that nothing of it is read again after it was checked. */
static struct vring_packed_desc read_descriptor(const struct vring_packed_desc *from)
{
    uint64_t words[2];
    struct vring_packed_desc d;
    words[0] = __atomic_load_n((const uint64_t *)from, __ATOMIC_RELAXED);
    words[1] = __atomic_load_n((const uint64_t *)from + 1, __ATOMIC_RELAXED);
    memcpy(&d, words, sizeof d);
    return d;
}

static int collect_range(struct vhost_queue *q, const struct vring_packed_desc *d, struct vhost_pieces *pieces)
{
    int is_writable = (d->flags & VRING_DESC_F_WRITE) != 0;
    if (is_writable != q->is_toward_guest) return VHOST_DIRECTION;
    if (vhost_collect(q, d->addr, d->len, pieces)) return VHOST_SOUND;
    return pieces->count < VHOST_PIECES ? VHOST_ADDRESS : VHOST_CHAIN;
}

/* A table elsewhere: all its descriptors, one after the other. */
static int collect_indirect(struct vhost_queue *q, const struct vring_packed_desc *d, struct vhost_pieces *pieces)
{
    uint32_t entries = d->len / sizeof *d;
    if (!vhost_has(q, VIRTIO_RING_F_INDIRECT_DESC) || d->flags & VRING_DESC_F_NEXT || d->len % sizeof *d ||
        entries == 0 || entries > VHOST_CHAIN_MAX || d->addr % sizeof(uint64_t)) return VHOST_INDIRECT;
    const struct vring_packed_desc *table = vhost_of_guest(q, d->addr, d->len);
    if (!table) return VHOST_INDIRECT;
    for (uint32_t n = 0; n < entries; n++) {
        struct vring_packed_desc inner = read_descriptor(&table[n]);
        int breakage = inner.flags & VRING_DESC_F_INDIRECT ? VHOST_INDIRECT : collect_range(q, &inner, pieces);
        if (breakage) return breakage;
    }
    return VHOST_SOUND;
}

/* The chain at `c->place`: 0, or the breakage. */
static int collect_chain(struct vhost_queue *q, struct chain *c, struct vhost_pieces *pieces)
{
    struct place p = c->place;
    for (uint16_t slots = 1; slots <= q->setup.num && slots <= VHOST_CHAIN_MAX; slots++, p = advance(q, p, 1)) {
        struct vring_packed_desc d = read_descriptor(descriptor(q, p.at));
        int breakage = d.flags & VRING_DESC_F_INDIRECT ? collect_indirect(q, &d, pieces) : collect_range(q, &d, pieces);
        if (breakage) return breakage;
        c->id = d.id;
        c->slots = slots;
        if (!(d.flags & VRING_DESC_F_NEXT)) return VHOST_SOUND;
    }
    return VHOST_CHAIN;
}

/* 1, or 0 if there is none, which may have broken the queue. */
static int next_chain(struct vhost_queue *q, struct chain *c, struct vhost_pieces *pieces)
{
    if (!is_avail(q, c->place)) return 0;
    int breakage = collect_chain(q, c, pieces);
    if (breakage) vhost_break(q, breakage);
    return !breakage;
}

static void put_used(struct vhost_queue *q, const struct chain *c, uint32_t length)
{
    struct vring_packed_desc *d = descriptor(q, c->place.at);
    uint16_t flags = (uint16_t)((c->place.wrap ? AVAIL | USED : 0) | (length ? VRING_DESC_F_WRITE : 0));
    __atomic_store_n(&d->id, c->id, __ATOMIC_RELAXED);
    __atomic_store_n(&d->len, length, __ATOMIC_RELAXED);
    if (q->untold == 0) {
        q->first_at = c->place.at;
        q->first_flags = flags;
    } else {
        __atomic_store_n(&d->flags, flags, __ATOMIC_RELAXED);
    }
    vhost_log(q, d, sizeof *d);
    q->untold += c->slots;
    struct place p = advance(q, c->place, c->slots);
    q->last_avail = p.at;
    q->wrap = (uint8_t)p.wrap;
}

int packed_take(struct vhost_queue *q, struct vhost_pieces *scratch, uint8_t *to, size_t room, uint64_t *length)
{
    struct chain c = { .place = next_place(q) };
    scratch->count = 0;
    scratch->length = 0;
    /* What is untold looks available still: the ring must not be gone round. */
    if (q->untold >= q->setup.num || !next_chain(q, &c, scratch)) return 0;
    *length = vhost_gather(q, scratch, to, room);
    put_used(q, &c, 0);
    return 1;
}

/* Chains for a frame of `length` bytes: their number, or -errno. */
static int reserve(struct vhost_queue *q, struct vhost_pieces *pieces, uint64_t length, struct chain *chains)
{
    int is_mergeable = vhost_has(q, VIRTIO_NET_F_MRG_RXBUF), count = 0;
    uint32_t slots = q->untold;
    struct place p = next_place(q);
    pieces->count = 0;
    pieces->length = 0;
    do {
        uint64_t before = pieces->length;
        if (count == VHOST_CHAIN_MAX) return -EMSGSIZE;
        struct chain *c = &chains[count++];
        c->place = p;
        if (slots >= q->setup.num || !next_chain(q, c, pieces)) return q->broken ? -ENETDOWN : -EAGAIN;
        p = advance(q, p, c->slots);
        slots += c->slots;
        uint64_t left = length - before, share = pieces->length - before;
        c->share = (uint32_t)(share < left ? share : left);
        if (pieces->length < length && !is_mergeable) return -EMSGSIZE;
    } while (pieces->length < length);
    return slots > q->setup.num ? -EAGAIN : count;
}

int packed_put(struct vhost_queue *q, struct vhost_pieces *scratch, const struct iovec *pieces, int count)
{
    struct chain chains[VHOST_CHAIN_MAX];
    uint64_t length = vhost_length(q, pieces, count);
    int number = reserve(q, scratch, length, chains);
    if (number < 0) return number;
    vhost_scatter(q, scratch, pieces, count, number);
    for (int n = 0; n < number; n++) put_used(q, &chains[n], chains[n].share);
    return (int)length;
}

/* Whether the guest wants to be told now that so many slots are new to it: virtio 1.2, 2.8.10. */
static int is_wanted(struct vhost_queue *q, uint16_t slots)
{
    struct vring_packed_desc_event *e = event_of(q->avail);
    uint16_t flags = __atomic_load_n(&e->flags, __ATOMIC_ACQUIRE);
    if (flags != VRING_PACKED_EVENT_FLAG_DESC || !vhost_has(q, VIRTIO_RING_F_EVENT_IDX))
        return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
    uint16_t wanted = __atomic_load_n(&e->off_wrap, __ATOMIC_RELAXED);
    uint16_t at = wanted & 0x7fff;
    if (wanted >> 15 != q->wrap) at = (uint16_t)(at - q->setup.num);
    return vring_need_event(at, q->last_avail, (uint16_t)(q->last_avail - slots));
}

void packed_tell(struct vhost_queue *q)
{
    uint16_t slots = (uint16_t)q->untold;
    if (slots == 0) return;
    struct vring_packed_desc *first = descriptor(q, q->first_at);
    __atomic_store_n(&first->flags, q->first_flags, __ATOMIC_RELEASE);
    vhost_log(q, first, sizeof *first);
    q->untold = 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (is_wanted(q, slots)) vhost_call(q);
}

int packed_await(struct vhost_queue *q)
{
    struct vring_packed_desc_event *e = event_of(q->used);
    int has_index = vhost_has(q, VIRTIO_RING_F_EVENT_IDX);
    uint16_t flags = has_index ? VRING_PACKED_EVENT_FLAG_DESC : VRING_PACKED_EVENT_FLAG_ENABLE;
    if (has_index) __atomic_store_n(&e->off_wrap, (uint16_t)(q->last_avail | q->wrap << 15), __ATOMIC_RELAXED);
    __atomic_store_n(&e->flags, flags, __ATOMIC_RELEASE);
    vhost_log(q, e, sizeof *e);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!is_avail(q, next_place(q))) return 0;
    packed_silence(q);
    return 1;
}

void packed_silence(struct vhost_queue *q)
{
    struct vring_packed_desc_event *e = event_of(q->used);
    __atomic_store_n(&e->flags, VRING_PACKED_EVENT_FLAG_DISABLE, __ATOMIC_RELAXED);
    vhost_log(q, e, sizeof *e);
}
