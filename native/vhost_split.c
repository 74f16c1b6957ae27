/*
 * The split ring of virtio 1.2, 2.7. The guest writes `desc` and `avail`, we write `used`:
 *
 *   avail: | flags | idx | ring[num] ... | used_event |      used: | flags | idx | ring[num] {id, len} ... | avail_event |
 *
 * Chains are used in the order in which they came, and at once: nothing stays in flight.
 */
#include "vhost_copy.h"
#include <errno.h>
#include <string.h>

static uint16_t load(const uint16_t *at) { return __atomic_load_n(at, __ATOMIC_RELAXED); }

static void store(struct vhost_queue *q, uint16_t *at, uint16_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELAXED);
    vhost_log(q, at, sizeof value);
}

/* Both events lie behind the rings. */
static const uint16_t *used_event(const struct vhost_queue *q) { return &q->avail->ring[q->mask + 1]; }
static uint16_t *avail_event(struct vhost_queue *q) { return (uint16_t *)&q->used->ring[q->mask + 1]; }

/* Two loads, so that nothing of it is read again after it was checked. */
static struct vring_desc read_descriptor(const struct vring_desc *from)
{
    uint64_t words[2];
    struct vring_desc d;
    words[0] = __atomic_load_n((const uint64_t *)from, __ATOMIC_RELAXED);
    words[1] = __atomic_load_n((const uint64_t *)from + 1, __ATOMIC_RELAXED);
    memcpy(&d, words, sizeof d);
    return d;
}

void split_start(struct vhost_queue *q)
{
    q->used_idx = q->told_used = q->last_avail = q->seen_avail = load(&q->used->idx);
    split_silence(q);
}

/* Whether there are more than `beyond` chains that were not taken yet. */
static int has_avail(struct vhost_queue *q, uint16_t beyond)
{
    if ((uint16_t)(q->seen_avail - q->last_avail) > beyond) return 1;
    q->seen_avail = __atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE);
    uint16_t count = (uint16_t)(q->seen_avail - q->last_avail);
    if (count > q->setup.num) {
        vhost_break(q, VHOST_INDEX);
        return 0;
    }
    return count > beyond;
}

/* A table of descriptors elsewhere, instead of the ring's. Its entries are bounded as a chain is. */
static const struct vring_desc *indirect_table(struct vhost_queue *q, const struct vring_desc *d, uint32_t *entries)
{
    *entries = d->len / sizeof *d;
    if (!vhost_has(q, VIRTIO_RING_F_INDIRECT_DESC) || d->flags & VRING_DESC_F_NEXT || d->len % sizeof *d ||
        *entries == 0 || *entries > VHOST_CHAIN_MAX || d->addr % sizeof(uint64_t)) return NULL;
    return vhost_of_guest(q, d->addr, d->len);
}

/* Appends the ranges of the chain that begins at `head`: 0, or the breakage. */
static int collect_chain(struct vhost_queue *q, uint16_t head, struct vhost_pieces *pieces)
{
    const struct vring_desc *table = q->desc;
    uint32_t entries = q->setup.num, next = head;
    for (int steps = 0; steps < VHOST_CHAIN_MAX; steps++) {
        if (next >= entries) return VHOST_HEAD;
        struct vring_desc d = read_descriptor(&table[next]);
        if (d.flags & VRING_DESC_F_INDIRECT) {
            if (table != q->desc || !(table = indirect_table(q, &d, &entries))) return VHOST_INDIRECT;
            next = 0;
            continue;
        }
        int is_writable = (d.flags & VRING_DESC_F_WRITE) != 0;
        if (is_writable != q->is_toward_guest) return VHOST_DIRECTION;
        if (!vhost_collect(q, d.addr, d.len, pieces)) return pieces->count < VHOST_PIECES ? VHOST_ADDRESS : VHOST_CHAIN;
        if (!(d.flags & VRING_DESC_F_NEXT)) return 0;
        next = d.next;
    }
    return VHOST_CHAIN;
}

/* The ranges of the chain that is `ahead` places after the next one; false breaks the queue. */
static int collect_avail(struct vhost_queue *q, uint16_t ahead, struct vhost_pieces *pieces, uint16_t *head)
{
    *head = load(&q->avail->ring[(uint16_t)(q->last_avail + ahead) & q->mask]);
    int breakage = collect_chain(q, *head, pieces);
    if (breakage) vhost_break(q, breakage);
    return !breakage;
}

static void put_used(struct vhost_queue *q, uint16_t head, uint32_t length)
{
    struct vring_used_elem *e = &q->used->ring[q->used_idx++ & q->mask];
    __atomic_store_n(&e->id, head, __ATOMIC_RELAXED);
    __atomic_store_n(&e->len, length, __ATOMIC_RELAXED);
    vhost_log(q, e, sizeof *e);
}

int split_take(struct vhost_queue *q, struct vhost_pieces *scratch, uint8_t *to, size_t room, uint64_t *length)
{
    uint16_t head;
    scratch->count = 0;
    scratch->length = 0;
    if (!has_avail(q, 0) || !collect_avail(q, 0, scratch, &head)) return 0;
    *length = vhost_gather(q, scratch, to, room);
    q->last_avail++;
    put_used(q, head, 0);
    return 1;
}

/* Chains for a frame of `length` bytes, whose heads and shares go to `heads` and `shares`: their number, or -errno. */
static int reserve(struct vhost_queue *q, struct vhost_pieces *pieces, uint64_t length, uint16_t *heads, uint32_t *shares)
{
    int is_mergeable = vhost_has(q, VIRTIO_NET_F_MRG_RXBUF), chains = 0;
    pieces->count = 0;
    pieces->length = 0;
    do {
        uint64_t before = pieces->length;
        if (chains == VHOST_CHAIN_MAX) return -EMSGSIZE;
        if (!has_avail(q, (uint16_t)chains)) return q->broken ? -ENETDOWN : -EAGAIN;
        if (!collect_avail(q, (uint16_t)chains, pieces, &heads[chains])) return -ENETDOWN;
        uint64_t left = length - before, share = pieces->length - before;
        shares[chains++] = (uint32_t)(share < left ? share : left);
        if (pieces->length < length && !is_mergeable) return -EMSGSIZE;
    } while (pieces->length < length);
    return chains;
}

int split_put(struct vhost_queue *q, struct vhost_pieces *scratch, const struct iovec *pieces, int count)
{
    uint16_t heads[VHOST_CHAIN_MAX];
    uint32_t shares[VHOST_CHAIN_MAX];
    uint64_t length = vhost_length(q, pieces, count);
    int chains = reserve(q, scratch, length, heads, shares);
    if (chains < 0) return chains;
    vhost_scatter(q, scratch, pieces, count, chains);
    for (int n = 0; n < chains; n++) put_used(q, heads[n], shares[n]);
    q->last_avail = (uint16_t)(q->last_avail + chains);
    return (int)length;
}

/* virtio 1.2, 2.7.7.1: what is used must be seen before the guest's wish is read. */
void split_tell(struct vhost_queue *q)
{
    uint16_t before = q->told_used, now = q->used_idx;
    if (before == now) return;
    __atomic_store_n(&q->used->idx, now, __ATOMIC_RELEASE);
    vhost_log(q, &q->used->idx, sizeof now);
    q->told_used = now;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    int is_wanted = vhost_has(q, VIRTIO_RING_F_EVENT_IDX)
                        ? vring_need_event(load(used_event(q)), now, before)
                        : !(load(&q->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
    if (is_wanted) vhost_call(q);
}

int split_await(struct vhost_queue *q)
{
    if (vhost_has(q, VIRTIO_RING_F_EVENT_IDX)) store(q, avail_event(q), q->last_avail);
    else store(q, &q->used->flags, 0);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!has_avail(q, 0)) return 0;
    split_silence(q);
    return 1;
}

/* With events the guest is silent by itself until it passes the last one. */
void split_silence(struct vhost_queue *q)
{
    if (!vhost_has(q, VIRTIO_RING_F_EVENT_IDX)) store(q, &q->used->flags, VRING_USED_F_NO_NOTIFY);
}
