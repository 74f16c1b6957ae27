/*
 * Frames out of the transmit list, into the rings of guests. Entries that follow each other to the same ring are a run, which
 * shares one lock and one guarded section; the guests are told at the end of the list.
 */
#include "vhost_burst.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What became of the entries is in here, since a jump out of vhost_guarded would lose locals. */
struct run {
    struct vhost_bench *bench;
    struct vhost_queue *q;
    int32_t *rows;
    int count;
    volatile int done;
};

struct vhost_bench *vhost_bench_of(struct tl_burst *b)
{
    struct tl_burst_state *s = b->state;
    if (!s->vhost) s->vhost = calloc(1, sizeof *s->vhost);
    return s->vhost;
}

static uint32_t mix(uint32_t hash, const uint8_t *at, int words)
{
    for (int n = 0; n < words; n++) {
        uint32_t word;
        memcpy(&word, at + 4 * n, sizeof word);
        hash = (hash ^ word) * 0x9e3779b1u;
        hash ^= hash >> 15;
    }
    return hash;
}

/* One flow, one ring: by the MACs, and what is behind them where the first bytes hold IP addresses. */
static uint32_t flow_hash(const struct iovec *pieces, int count)
{
    const uint8_t *macs = (const uint8_t *)pieces[0].iov_base + VHOST_HEADER;
    uint32_t hash = mix(0, macs, 3);
    if (count < 2 || pieces[1].iov_len < 24) return hash;
    const uint8_t *type = pieces[1].iov_base, *ip = type + 2;
    if (type[0] == 0x08 && type[1] == 0x00) {
        int is_whole = ip[0] == 0x45 && ((ip[6] & 0x3f) | ip[7]) == 0 && (ip[9] == 6 || ip[9] == 17);
        return mix(hash, ip + 12, is_whole && pieces[1].iov_len >= 26 ? 3 : 2);
    }
    if (type[0] == 0x86 && type[1] == 0xdd && pieces[1].iov_len >= 46)
        return mix(hash, ip + 8, (ip[6] == 6 || ip[6] == 17) ? 9 : 8);
    return hash;
}

static struct vhost_queue *writing_queue(struct vhost_device *d, const struct iovec *pieces, int count)
{
    int usable = 0;
    if (d->pairs == 1) return &d->queues[0];
    while (usable < d->pairs && d->queues[2 * usable].is_enabled && d->queues[2 * usable].is_started) usable++;
    return &d->queues[usable < 2 ? 0 : 2 * (flow_hash(pieces, count) % (uint32_t)usable)];
}

/* Lays entries down, as far as they are well formed and go where the first of them does: how many. */
static int collect_run(struct tl_burst *b, struct vhost_device *d, struct run *r, int count)
{
    int run = 0;
    for (; run < count && run < VHOST_RUN; run++) {
        const int32_t *row = r->rows + TL_ROW * run;
        struct iovec *pieces = r->bench->frames[run];
        if (row[TL_TX_KIND] != TL_KIND_VHOST || row[TL_TX_FD] != r->rows[TL_TX_FD]) break;
        int number = burst_collect(b, row, pieces);
        if (!number || pieces[0].iov_len < VHOST_HEADER + 12) break;
        struct vhost_queue *q = writing_queue(d, pieces, number);
        if (r->q && q != r->q) break;
        r->q = q;
        r->bench->counts[run] = (uint8_t)number;
    }
    return run;
}

static void put_run(void *pointer)
{
    struct run *r = pointer;
    struct vhost_queue *q = r->q;
    for (; r->done < r->count && !q->broken; r->done++) {
        int n = r->done;
        int32_t result = vhost_put(q, &r->bench->scratch, r->bench->frames[n], r->bench->counts[n]);
        r->rows[TL_ROW * n + TL_TX_RESULT] = result;
        if (result >= 0) q->frames++;
        else if (result == -EAGAIN) q->full++;
    }
}

static void remember(struct tl_burst *b, struct vhost_queue *q)
{
    struct vhost_bench *bench = b->state->vhost;
    for (int n = bench->written_count - 1; n >= 0; n--)
        if (bench->written[n] == q) return;
    if (bench->written_count == VHOST_WRITTEN) burst_tell_vhost(b);
    bench->written[bench->written_count++] = q;
}

/* A ring that breaks has taken what came before; the rest of the run is lost. */
static void put_all(struct run *r)
{
    pthread_mutex_lock(&r->q->lock);
    if (vhost_is_running(r->q) && vhost_guarded(put_run, r) < 0) vhost_break(r->q, VHOST_VANISHED);
    pthread_mutex_unlock(&r->q->lock);
    for (int n = r->done; n < r->count; n++) r->rows[TL_ROW * n + TL_TX_RESULT] = -ENETDOWN;
}

static int refuse(int32_t *row, int error)
{
    row[TL_TX_RESULT] = -error;
    return 1;
}

int burst_put_vhost(struct tl_burst *b, int32_t *rows, int count)
{
    struct vhost_device *d = vhost_find(rows[TL_TX_FD]);
    struct run r = { .bench = vhost_bench_of(b), .rows = rows };
    if (!d) return refuse(rows, ENODEV);
    if (!r.bench) return refuse(rows, ENOBUFS);
    r.count = collect_run(b, d, &r, count);
    if (r.count == 0) return refuse(rows, EFAULT);
    put_all(&r);
    if (r.done > 0) remember(b, r.q);
    return r.count;
}

static void tell(void *queue) { vhost_tell(queue); }

void burst_tell_vhost(struct tl_burst *b)
{
    struct vhost_bench *bench = b->state->vhost;
    if (!bench) return;
    for (int n = 0; n < bench->written_count; n++) {
        struct vhost_queue *q = bench->written[n];
        pthread_mutex_lock(&q->lock);
        if (vhost_is_running(q) && vhost_guarded(tell, q) < 0) vhost_break(q, VHOST_VANISHED);
        pthread_mutex_unlock(&q->lock);
    }
    bench->written_count = 0;
}
