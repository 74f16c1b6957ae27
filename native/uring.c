/* See uring.h. The three shared regions of a ring are laid out as io_uring(7) says; no liburing, for so little of it. */
#include "uring.h"
#include "taploom.h"
#include <errno.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct region {
    void *at;
    size_t size;
};

struct uring {
    int fd;
    unsigned pending; /* put, not yet run */
    struct region submissions, requests, completions;
    unsigned *tail, mask; /* of the submission ring; its head is the kernel's business */
    unsigned *ready_head, *ready_tail, ready_mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
};

static int map(struct uring *u, struct region *region, size_t size, uint64_t offset)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd, (off_t)offset);
    if (at == MAP_FAILED) return 0;
    *region = (struct region){ at, size };
    return 1;
}

struct uring *uring_open(void)
{
    struct io_uring_params p = { 0 };
    struct uring *u = calloc(1, sizeof *u);
    if (!u) return NULL;
    u->fd = (int)syscall(SYS_io_uring_setup, URING_MAX, &p);
    /* Without that feature (Linux 5.6) there are no IORING_OP_READ and WRITE either. */
    if (u->fd < 0 || !(p.features & IORING_FEAT_RW_CUR_POS) || !map(u, &u->submissions, p.sq_off.array + p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING) ||
        !map(u, &u->completions, p.cq_off.cqes + p.cq_entries * sizeof *u->cqes, IORING_OFF_CQ_RING) ||
        !map(u, &u->requests, p.sq_entries * sizeof *u->sqes, IORING_OFF_SQES)) {
        uring_close(u);
        return NULL;
    }
    tl_own(u->fd);
    char *sq = u->submissions.at, *cq = u->completions.at;
    unsigned *array = (unsigned *)(sq + p.sq_off.array);
    for (unsigned i = 0; i < p.sq_entries; i++) array[i] = i;
    u->tail = (unsigned *)(sq + p.sq_off.tail);
    u->mask = *(unsigned *)(sq + p.sq_off.ring_mask);
    u->ready_head = (unsigned *)(cq + p.cq_off.head);
    u->ready_tail = (unsigned *)(cq + p.cq_off.tail);
    u->ready_mask = *(unsigned *)(cq + p.cq_off.ring_mask);
    u->sqes = u->requests.at;
    u->cqes = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
    return u;
}

void uring_close(struct uring *u)
{
    if (!u) return;
    struct region *regions[] = { &u->submissions, &u->requests, &u->completions };
    for (int i = 0; i < 3; i++)
        if (regions[i]->at) munmap(regions[i]->at, regions[i]->size);
    if (u->fd >= 0) tl_close(u->fd);
    free(u);
}

void uring_put(struct uring *u, int what, int fd, void *at, size_t length)
{
    static const uint8_t opcodes[] = { IORING_OP_READ, IORING_OP_WRITE, IORING_OP_WRITEV };
    u->sqes[(*u->tail + u->pending) & u->mask] = (struct io_uring_sqe){
        .opcode = opcodes[what], .fd = fd, .addr = (uint64_t)(uintptr_t)at, .len = (uint32_t)length,
        .off = (uint64_t)-1, .rw_flags = RWF_NOWAIT, .user_data = u->pending,
    };
    u->pending++;
}

static unsigned take_results(struct uring *u, int32_t *result)
{
    unsigned head = *u->ready_head, count = 0;
    for (; head != __atomic_load_n(u->ready_tail, __ATOMIC_ACQUIRE); head++, count++) {
        const struct io_uring_cqe *cqe = &u->cqes[head & u->ready_mask];
        result[cqe->user_data] = cqe->res;
    }
    __atomic_store_n(u->ready_head, head, __ATOMIC_RELEASE);
    return count;
}

int uring_run(struct uring *u, int32_t *result)
{
    unsigned count = u->pending, submitted = 0, done = 0;
    u->pending = 0;
    __atomic_store_n(u->tail, *u->tail + count, __ATOMIC_RELEASE);
    while (done < count) {
        long taken = syscall(SYS_io_uring_enter, u->fd, count - submitted, count - done, IORING_ENTER_GETEVENTS, NULL, 0);
        if (taken < 0 && errno != EINTR) break;
        if (taken > 0) submitted += (unsigned)taken;
        done += take_results(u, result);
    }
    return (int)done;
}
