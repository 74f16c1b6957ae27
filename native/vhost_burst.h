/* How the bursts of burst.h serve the rings of vhost.h: vhost_burst.c. */
#ifndef TAPLOOM_VHOST_BURST_H
#define TAPLOOM_VHOST_BURST_H

#include "burst.h"
#include "vhost.h"

#define VHOST_WRITTEN 64 /* queues that one transmit call may write to before it tells their guests */

/* Of one thread's bursts. */
struct vhost_bench {
    struct vhost_pieces scratch;
    struct vhost_queue *written[VHOST_WRITTEN];
    int written_count;
};

/* As the others in receive.c. The member stays in the queue as long as a ring has frames: polling while busy. */
int burst_receive_vhost(struct tl_burst *b, int fd, struct member *m, int slot, int room);
/* Puts the row's frame into a ring of device TL_TX_FD: bytes, or -errno. */
int32_t burst_put_vhost(struct tl_burst *b, const int32_t *row);
/* The end of the call: the guests are told. */
void burst_tell_vhost(struct tl_burst *b);

#endif
