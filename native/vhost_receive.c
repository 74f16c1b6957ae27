/* Frames out of the rings of guests, into the slots of a burst. */
#include "vhost_burst.h"
#include <string.h>

#define RARP_LENGTH 60

/* One visit of a ring; what it finds is in here, since a jump out of vhost_guarded would lose locals. */
struct visit {
    struct tl_burst *b;
    struct vhost_queue *q;
    struct member *m;
    int slot, room;
    int32_t frame_cost;
    int got;
    int has_more;
};

/* Runs `act` on its queue, with the ring and the lock. What touches vanished memory breaks the queue. */
static void visit(struct visit *v, void (*act)(void *))
{
    if (!vhost_is_running(v->q)) return;
    if (vhost_guarded(act, v) < 0) vhost_break(v->q, VHOST_VANISHED);
}

static void take_frames(void *pointer)
{
    struct visit *v = pointer;
    struct tl_burst *b = v->b;
    struct vhost_pieces *scratch = &b->state->vhost->scratch;
    size_t room = (size_t)(b->words[TL_STRIDE] - b->words[TL_HEADROOM]) + VHOST_HEADER;
    vhost_hush(v->q);
    while (v->got < v->room && v->m->credit > 0) {
        int slot = v->slot + v->got;
        uint64_t length = 0;
        if (!vhost_take(v->q, scratch, burst_slot(b, slot) - VHOST_HEADER, room, &length)) break;
        int32_t *row = b->rx + TL_ROW * slot;
        memset(row, 0, TL_ROW * sizeof *row);
        row[TL_RX_SOURCE] = v->m->source;
        row[TL_RX_LENGTH] = (int32_t)((length < room ? length : room) - VHOST_HEADER);
        row[TL_RX_FLAGS] = length > room ? TL_RX_TRUNCATED : 0;
        v->m->credit -= row[TL_RX_LENGTH] + v->frame_cost;
        v->got++;
        v->q->frames++;
    }
    vhost_tell(v->q);
}

/* RFC 903: what a switch learns the guest's new place from, after a migration. */
static int announce(struct tl_burst *b, struct vhost_device *d, struct visit *v)
{
    uint64_t mac = __atomic_load_n(&d->announced, __ATOMIC_RELAXED) ? __atomic_exchange_n(&d->announced, 0, __ATOMIC_ACQUIRE) : 0;
    static const uint8_t request[] = { 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3 };
    if (!mac || v->room == 0) return 0;
    uint8_t *frame = burst_slot(b, v->slot);
    memset(frame - VHOST_HEADER, 0, VHOST_HEADER + RARP_LENGTH);
    memset(frame, 0xff, 6);
    memcpy(frame + 6, &mac, 6);
    memcpy(frame + 12, request, sizeof request);
    memcpy(frame + 22, &mac, 6);
    memcpy(frame + 32, &mac, 6);
    int32_t *row = b->rx + TL_ROW * v->slot;
    memset(row, 0, TL_ROW * sizeof *row);
    row[TL_RX_SOURCE] = v->m->source;
    row[TL_RX_LENGTH] = RARP_LENGTH;
    return 1;
}

/* Nothing was left: the next frame comes with a kick, unless it came just now. */
static void await_kick(void *pointer)
{
    struct visit *v = pointer;
    v->has_more = vhost_await(v->q);
}

static struct vhost_queue *reading_queue(struct vhost_device *d, unsigned turn)
{
    return &d->queues[2 * (turn % (unsigned)d->pairs) + 1];
}

/* True if there may be more: then no kick was asked for. */
static int await_kicks(struct visit *v, struct vhost_device *d)
{
    for (int n = 0; n < d->pairs; n++) {
        v->q = reading_queue(d, (unsigned)n);
        v->has_more = 0;
        if (pthread_mutex_trylock(&v->q->lock) != 0) return 1;
        visit(v, await_kick);
        pthread_mutex_unlock(&v->q->lock);
        if (v->has_more) return 1;
    }
    return 0;
}

int burst_receive_vhost(struct tl_burst *b, int fd, struct member *m, int slot, int room)
{
    struct tl_burst_state *s = b->state;
    struct vhost_device *d = vhost_find(m->device);
    struct visit v = { .b = b, .m = m, .slot = slot, .room = room < QUANTUM ? room : QUANTUM, .frame_cost = FRAME_COST };
    if (!d || !vhost_bench_of(b)) return 0;
    burst_renew(b, m);
    if (s->contenders == 1) { /* nobody waits: as much as there is room and cache for */
        v.room = room;
        v.frame_cost = 0;
        m->credit = CALL_BYTES;
    }
    v.got = announce(b, d, &v);
    unsigned turn = d->turn++;
    for (int n = 0; n < d->pairs; n++) {
        v.q = reading_queue(d, turn + (unsigned)n);
        if (pthread_mutex_trylock(&v.q->lock) != 0) continue; /* the control plane: a look at it later */
        visit(&v, take_frames);
        pthread_mutex_unlock(&v.q->lock);
    }
    if (v.got == 0 && m->credit > 0) {
        m->credit = 0; /* who has nothing to say saves nothing up */
        if (!await_kicks(&v, d)) return 0;
    }
    m->queued = 1;
    s->queue[(s->head + s->queued++) & (s->queue_size - 1)] = fd;
    return v.got;
}
