/*
 * Sends test frames at a rate. Frame n is due n / rate after the start; the thread sleeps until one is due and then
 * sends all that are, at least 20 us later, so that it does not wake up for each frame of a fast stream.
 *
 * A generator that was not scheduled for a while could make up for it by a burst, and the burst would overrun a queue
 * that can take the rate. So at most 2 ms or 256 frames are made up for; what is beyond that slips, and the rate that
 * was really offered is reported.
 */
#include "tester.h"
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH 32
#define TICK_NS 20000
#define CATCH_UP_SECONDS 0.002
#define CATCH_UP_FRAMES 256

struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec pieces[BATCH];
    uint8_t *frames;
};

/* The last three bytes of station n: a permutation, so that no two are alike and none is near its neighbour (RFC 4814). */
static void put_station(uint8_t *mac, uint64_t n)
{
    uint32_t low = (uint32_t)(n * 0x9e37b1) & 0xffffff;
    mac[3] = (uint8_t)(low >> 16);
    mac[4] = (uint8_t)(low >> 8);
    mac[5] = (uint8_t)low;
}

static void fill(struct task *t, uint8_t *frame, uint64_t n)
{
    uint64_t destinations = (uint64_t)t->plan[TL_TEST_DESTINATIONS], sources = (uint64_t)t->plan[TL_TEST_SOURCES];
    if (destinations) put_station(frame, n % destinations);
    if (sources) put_station(frame + 6, n % sources);
    uint16_t tag = __builtin_bswap16((uint16_t)t->plan[TL_TEST_TAG]);
    uint32_t sequence = __builtin_bswap32((uint32_t)n);
    uint64_t time = __builtin_bswap64((uint64_t)tester_now(CLOCK_REALTIME));
    memcpy(frame + TAG_AT, &tag, sizeof tag);
    memcpy(frame + SEQUENCE_AT, &sequence, sizeof sequence);
    memcpy(frame + TIME_AT, &time, sizeof time);
}

static void prepare(struct task *t, struct batch *b)
{
    for (int i = 0; i < BATCH; i++) {
        uint8_t *frame = b->frames + (size_t)i * (size_t)t->length;
        memcpy(frame, t->frame, (size_t)t->length);
        b->pieces[i] = (struct iovec){ .iov_base = frame, .iov_len = (size_t)t->length };
        b->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &b->pieces[i], .msg_iovlen = 1 };
    }
}

/* ENOBUFS: the queue of the interface was full and the kernel dropped the frame. It was offered all the same. */
static int send_batch(struct task *t, struct batch *b, int count)
{
    for (int at = 0; at < count && !atomic_load(&t->stop);) {
        int sent = sendmmsg(t->fd, b->messages + at, (unsigned)(count - at), 0);
        if (sent > 0) {
            at += sent;
        } else if (errno == ENOBUFS) {
            t->result[TL_TEST_REFUSED]++;
            sent = 1;
            at++;
        } else if (errno == EAGAIN || errno == EINTR) {
            continue;
        } else {
            return -errno;
        }
        t->result[TL_TEST_SENT] += sent;
    }
    return 0;
}

static void sleep_until(int64_t when)
{
    struct timespec t = { .tv_sec = when / 1000000000, .tv_nsec = when % 1000000000 };
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void stream(struct task *t, struct batch *b)
{
    double rate = t->plan[TL_TEST_RATE];
    double catch_up = rate * CATCH_UP_SECONDS;
    if (catch_up > CATCH_UP_FRAMES) catch_up = CATCH_UP_FRAMES;
    if (catch_up < 1) catch_up = 1;
    int64_t begin = tester_now(CLOCK_MONOTONIC);
    int64_t end = begin + (int64_t)(t->plan[TL_TEST_SECONDS] * 1e9);
    int64_t now = begin;
    double origin = (double)begin; /* moves when the schedule slips */
    double limit = t->plan[TL_TEST_LIMIT];
    uint64_t next = 0;
    while (now < end && (double)next < limit && !atomic_load(&t->stop)) {
        double due = BATCH;
        if (rate > 0) {
            due = ((double)now - origin) * rate / 1e9 - (double)next;
            if (due > catch_up) {
                double late = (due - catch_up) / rate * 1e9;
                origin += late;
                t->result[TL_TEST_SLIPPED] += late / 1e9;
                due = catch_up;
            }
        }
        if (due < 1) {
            int64_t when = (int64_t)(origin + (double)(next + 1) * 1e9 / rate) + 1;
            if (when < now + TICK_NS) when = now + TICK_NS;
            /* long waits in steps, so that a stop is noticed */
            sleep_until(when < now + 50000000 ? when : now + 50000000);
        } else {
            int count = due < BATCH ? (int)due : BATCH;
            if (limit - (double)next < count) count = (int)(limit - (double)next);
            for (int i = 0; i < count; i++) fill(t, b->pieces[i].iov_base, next + (uint64_t)i);
            int error = send_batch(t, b, count);
            if (error) t->result[TL_TEST_ERRNO] = -error;
            if (error) break;
            next += (uint64_t)count;
            atomic_store(&t->progress, (long long)next);
        }
        now = tester_now(CLOCK_MONOTONIC);
    }
    t->result[TL_TEST_ELAPSED] = (double)(tester_now(CLOCK_MONOTONIC) - begin) / 1e9;
}

void tester_send(struct task *t)
{
    struct batch *b = calloc(1, sizeof *b);
    if (b) b->frames = malloc((size_t)BATCH * (size_t)t->length);
    if (b && b->frames) {
        prctl(PR_SET_TIMERSLACK, 1); /* of this thread; 50 us otherwise */
        prepare(t, b);
        stream(t, b);
    } else {
        t->result[TL_TEST_ERRNO] = ENOMEM;
    }
    if (b) free(b->frames);
    free(b);
}
