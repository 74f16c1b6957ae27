/* How the bursts of burst.h serve the rings of vhost.h: vhost_receive.c and vhost_transmit.c. */
#ifndef TAPLOOM_VHOST_BURST_H
#define TAPLOOM_VHOST_BURST_H

#include "burst.h"
#include "vhost.h"

#define VHOST_RUN 64     /* entries of the transmit list that share a lock */
#define VHOST_WRITTEN 64 /* queues that one transmit call may write to before it tells their guests */

/* Of one thread's bursts. */
struct vhost_bench {
    struct vhost_pieces scratch;
    struct iovec frames[VHOST_RUN][TL_PIECES];
    uint8_t counts[VHOST_RUN]; /* of pieces */
    struct vhost_queue *written[VHOST_WRITTEN];
    int written_count;
};

struct vhost_bench *vhost_bench_of(struct tl_burst *b); /* NULL: no memory */
/* As the others in receive.c. The member stays in the queue as long as a ring has frames: polling while busy. */
int burst_receive_vhost(struct tl_burst *b, int fd, struct member *m, int slot, int room);
/* Puts the frames of rows into a ring of device TL_TX_FD, with a result in each. Returns the rows it dealt with, at least one. */
int burst_put_vhost(struct tl_burst *b, int32_t *rows, int count);
/* The end of the call: the guests are told. */
void burst_tell_vhost(struct tl_burst *b);

#endif
