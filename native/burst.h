/*
 * What call.c, burst.c, receive.c, transmit.c and their helpers share: the state of one epoll set.
 *
 *   members: indexed by fd, source 0 = not a member
 *   queue:   ring of the fds that are ready and have not had their turn; each at most once
 *
 * Fairness: every call asks epoll for news, appends what is not queued yet, and serves from the head, one quantum
 * each. An fd that a full batch kept waiting is therefore ahead of those that have just been served.
 */
#ifndef TAPLOOM_BURST_H
#define TAPLOOM_BURST_H

#include "segment.h"
#include "taploom.h"
#include "uring.h"
#include <netinet/in.h>
#include <sys/socket.h>

#define QUANTUM 32       /* frames that one fd may deliver in one call */
/*
 * What a frame costs beside its bytes, as bytes. By time it would be 8 KiB: a small frame takes 4.6 us from TAP to TAP, a
 * super-frame 36. But who floods always has a full turn ready, and TCP seldom has. What TCP keeps beside a MAC flood and a
 * broadcast storm (AMD EPYC, quiet, medians of 7 and 9 rounds): 0.74 and 0.65 with 32 KiB, 0.78 and 0.80 with 48, 0.79
 * and 0.73 with 64.
 */
#define FRAME_COST 49152
/*
 * A call ends with the burst that reaches this, 16 super-frames: what is read should still be in the second-level cache
 * when it is written out again, and where that has 2 MiB, 32 super-frames are all of it.
 */
#define CALL_BYTES (1 << 20)
#define NEWS_MAX 64      /* news per call: the kernel rotates its list, so all fds come up; about 60 ns each */
#define SEND_BURST 64    /* datagrams in one sendmmsg */
#define CONTROL_ROOM 64  /* a cmsg with a TOS byte or traffic class, and one with a segment size */
#define EINTR_TRIES 4
#define GATHER_MAX 2048    /* up to here a copy and one piece beat two pieces (by 0.08 us) */
#define FAILURES_MAX 100 /* read errors on end after which a TAP counts as dead: epoll would report it for ever */

struct member {
    int32_t source;
    uint32_t generation; /* tells news for a former owner of the fd number from news for this one */
    uint32_t full_round; /* the last call in which this fd delivered all that was asked for */
    uint8_t kind;
    uint8_t header;      /* TAP: bytes of virtio-net header before each frame */
    uint8_t queued;
    uint8_t expect;      /* frames to ask for: asking for one more than there are costs 0.26 us */
    uint8_t failures;    /* read errors since the last frame */
    uint8_t down;        /* packet socket whose interface went down */
    uint8_t lost;        /* packet socket that has reported a lost frame, of which there is no row yet */
    int32_t device;      /* of a guest's rings */
    int32_t credit;      /* cost of what it may deliver now; below zero: owed to the others */
    int32_t largest;     /* bytes of the largest frame in its last burst: how many the credit will buy */
};

struct tl_burst_state {
    int epoll;
    uint32_t round;
    uint32_t generation;
    uint8_t slept;       /* the last wait found nothing at first, so what is ready now has just begun */
    struct member *members;
    int capacity;        /* of members, in fds */
    int count;           /* members in use */
    int *queue;
    unsigned queue_size; /* a power of two, more than count */
    unsigned head, queued;
    int32_t credit;      /* cost for each fd that is ready in this call */
    unsigned contenders; /* fds that are ready in this call */
    int downs;           /* members that are down */
    double watched_at;   /* when these were last looked at, ms */
    double quiet_until;  /* epoll had nothing to tell: no need to ask again before that, ms, while there is something to do */

    struct mmsghdr messages[SEND_BURST];
    struct iovec pieces[SEND_BURST][TL_PIECES + 1]; /* a packet socket cuts the first in two */
    struct sockaddr_storage addresses[QUANTUM];
    _Alignas(8) char control[SEND_BURST][CONTROL_ROOM];

    struct uring *uring; /* NULL: TAPs are read and written one system call a frame */
    struct iovec frames[URING_MAX][TL_PIECES];
    char gathered[URING_MAX][GATHER_MAX];
    struct segments segments;
    struct vhost_bench *vhost; /* NULL: no guest's rings yet */
};

static inline struct member *member_of(struct tl_burst_state *s, int fd)
{
    return fd >= 0 && fd < s->capacity && s->members[fd].source ? &s->members[fd] : NULL;
}

/* What call.c calls. */
int burst_open(struct tl_burst *b);     /* burst.c */
int burst_close(struct tl_burst *b);
int burst_add(struct tl_burst *b);
int burst_remove(struct tl_burst *b);
int burst_receive(struct tl_burst *b);  /* receive.c */
int burst_transmit(struct tl_burst *b); /* transmit.c */
int burst_join(struct tl_burst *b);     /* join.c */

/* Takes the fd out of the set for good and says so; if there is no room to say it, epoll will bring it up again. */
void burst_gone(struct tl_burst *b, int fd, int error);
/* uring_run of `count` requests. A ring that fails, or serves no TAPs, is given up: system calls take over. */
int burst_run(struct tl_burst *b, int count, int32_t *result);
int burst_event(struct tl_burst *b, int source, int error);

static inline uint8_t *burst_slot(struct tl_burst *b, int slot)
{
    return b->bytes + (size_t)slot * (size_t)b->words[TL_STRIDE] + b->words[TL_HEADROOM];
}

/* turn.c */
void burst_renew(struct tl_burst *b, struct member *m);
int burst_affordable(const struct member *m); /* frames */
void burst_adapt(struct tl_burst_state *s, struct member *m, int asked, int got);
int burst_lost(struct tl_burst *b, const struct member *m, int slot); /* 1: the row that it makes */

/* The row of a frame without a virtio-net header, which is there all the same and asks for nothing; its cost is charged. */
void burst_plain_row(struct tl_burst *b, struct member *m, int slot, int32_t length);
/* It has its turn in the next call, too, whatever epoll says. */
void burst_again(struct tl_burst *b, int fd);

/* stream.c, and of it what reads in stream_receive.c */
int stream_watch(int fd, int epoll, uint64_t cookie);
void stream_writable(int fd);
int stream_receive(struct tl_burst *b, int fd, struct member *m, int slot, int room);
int stream_transmit(struct tl_burst *b, int32_t *rows, int count);

/* datagrams.c */
void datagrams_writable(int fd);
int datagrams_send(struct tl_burst *b, int32_t *rows, int count);

/* messages.c */
int messages_receive(struct tl_burst *b, int fd, struct member *m, int slot, int room);

/* pieces.c. Both are false if an offset is outside the caller's Buffer. */
int burst_collect(struct tl_burst *b, const int32_t *row, struct iovec *pieces);
int burst_address(struct tl_burst *b, const int32_t *row, struct msghdr *message, char *control); /* without pieces */

/* sizeof(struct virtio_net_hdr_v1_hash_tunnel), Linux 6.17 */
#define TUNNEL_HEADER 24

/* packet.c. TL_PACKET_HEADER: bytes that our virtio-net header takes before a frame. */
#define TL_PACKET_HEADER 12
#define TL_PACKET_HEADROOM 16
int burst_receive_packets(struct tl_burst *b, int fd, struct member *m, int slot, int room);
int burst_prepare_packet(struct tl_burst *b, const int32_t *row, int i); /* as prepare_datagram in transmit.c */
int burst_packet_failed(struct tl_burst *b, int fd, struct member *m);
void burst_watch_packets(struct tl_burst *b);

#endif
