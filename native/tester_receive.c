/*
 * Receives test frames of one tag and says what became of them. The time of arrival is the kernel's, so the thread may
 * look only every quarter of a millisecond: nobody on the way of the frames has to wake it up. A bit for each sequence
 * number tells a duplicate from a frame that was overtaken (RFC 4737: smaller than one that came before).
 */
#include "tester.h"
#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define BATCH 64
#define LOOK_NS 250000

struct inbox {
    struct mmsghdr messages[BATCH];
    struct iovec pieces[BATCH];
    uint8_t frames[BATCH][64];
    char control[BATCH][CMSG_SPACE(sizeof(struct timespec))];
    uint64_t *seen; /* a bit for each sequence number below limit */
    uint64_t limit;
    uint64_t expected;
};

static void prepare(struct inbox *in)
{
    for (int i = 0; i < BATCH; i++) {
        in->pieces[i] = (struct iovec){ .iov_base = in->frames[i], .iov_len = sizeof in->frames[i] };
        in->messages[i].msg_hdr = (struct msghdr){
            .msg_iov = &in->pieces[i],
            .msg_iovlen = 1,
            .msg_control = in->control[i],
            .msg_controllen = sizeof in->control[i],
        };
    }
}

static int64_t arrival(struct msghdr *m)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS) return tester_now(CLOCK_REALTIME);
    struct timespec t;
    memcpy(&t, CMSG_DATA(c), sizeof t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void measure(struct task *t, int64_t nanoseconds)
{
    double *r = t->result;
    if (nanoseconds < 0) r[TL_TEST_BACKWARDS]++; /* somebody set the clock */
    if (nanoseconds < 0) nanoseconds = 0;
    double latency = (double)nanoseconds;
    t->histogram[tl_test_bucket(latency)]++;
    r[TL_TEST_LATENCY_SUM] += latency;
    if (latency > r[TL_TEST_LATENCY_MAX]) r[TL_TEST_LATENCY_MAX] = latency;
    if (r[TL_TEST_RECEIVED] == 0 || latency < r[TL_TEST_LATENCY_MIN]) r[TL_TEST_LATENCY_MIN] = latency;
}

static void take(struct task *t, struct inbox *in, struct mmsghdr *m)
{
    uint8_t *frame = m->msg_hdr.msg_iov->iov_base;
    double *r = t->result;
    uint16_t tag;
    uint32_t sequence;
    uint64_t sent;
    memcpy(&tag, frame + TAG_AT, sizeof tag);
    memcpy(&sequence, frame + SEQUENCE_AT, sizeof sequence);
    memcpy(&sent, frame + TIME_AT, sizeof sent);
    uint64_t n = __builtin_bswap32(sequence);
    if (m->msg_len < TEST_FRAME || __builtin_bswap16(tag) != (uint16_t)t->plan[TL_TEST_TAG] || n >= in->limit) {
        r[TL_TEST_STRAYS]++;
        return;
    }
    uint64_t bit = 1ULL << (n & 63);
    if (in->seen[n >> 6] & bit) {
        r[TL_TEST_DUPLICATES]++;
        return;
    }
    in->seen[n >> 6] |= bit;
    if (n < in->expected) r[TL_TEST_REORDERED]++;
    else in->expected = n + 1;
    measure(t, arrival(&m->msg_hdr) - (int64_t)__builtin_bswap64(sent));
    r[TL_TEST_RECEIVED]++;
}

/* Frames that the socket's buffer could not take, since it was asked last. */
static double overrun(int fd)
{
    struct tpacket_stats stats = { 0 };
    socklen_t length = sizeof stats;
    return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length) < 0 ? 0 : stats.tp_drops;
}

static void receive(struct task *t, struct inbox *in)
{
    struct timespec pause = { .tv_nsec = LOOK_NS };
    int64_t end = tester_now(CLOCK_MONOTONIC) + (int64_t)(t->plan[TL_TEST_SECONDS] * 1e9);
    overrun(t->fd);
    for (;;) {
        int last = atomic_load(&t->stop) || tester_now(CLOCK_MONOTONIC) >= end; /* then what is there already is taken */
        int count;
        do {
            for (int i = 0; i < BATCH; i++) in->messages[i].msg_hdr.msg_controllen = sizeof in->control[i];
            count = recvmmsg(t->fd, in->messages, BATCH, MSG_DONTWAIT, NULL);
            for (int i = 0; i < count; i++) take(t, in, &in->messages[i]);
            atomic_store(&t->progress, (long long)t->result[TL_TEST_RECEIVED]);
        } while (count == BATCH && tester_now(CLOCK_MONOTONIC) < end);
        if (count < 0 && errno != EAGAIN && errno != EINTR) t->result[TL_TEST_ERRNO] = errno;
        if (last || t->result[TL_TEST_ERRNO] != 0) break;
        nanosleep(&pause, NULL);
    }
    t->result[TL_TEST_OVERRUN] = overrun(t->fd);
}

void tester_receive(struct task *t)
{
    struct inbox *in = calloc(1, sizeof *in);
    if (in) {
        in->limit = (uint64_t)t->plan[TL_TEST_LIMIT];
        in->seen = calloc(in->limit / 64 + 1, sizeof *in->seen);
    }
    if (in && in->seen) {
        prepare(in);
        receive(t, in);
    } else {
        t->result[TL_TEST_ERRNO] = ENOMEM;
    }
    if (in) free(in->seen);
    free(in);
}
