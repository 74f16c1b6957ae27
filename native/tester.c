/*
 * The tester's sockets and tasks. Whoever measures a switch sends on one interface and receives on another, so there
 * are two kinds of socket: one that never receives and goes around the queueing discipline, and one that keeps test
 * frames only, cut to their header, with the kernel's time of arrival.
 */
#include "sockopt.h"
#include "tester.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define TASKS 64
/* A small frame costs the kernel about 800 bytes of this: room for 80 ms at 500,000 frames/s. */
#define RECEIVE_BUFFER (32 << 20)
#define SEND_BUFFER (8 << 20)

static struct task *tasks[TASKS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int64_t tester_now(int clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int set(int fd, int level, int name, const void *value, socklen_t length)
{
    return setsockopt(fd, level, name, value, length) < 0 ? -errno : 0;
}

static int receive_test_frames(int fd, int ifindex)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, MAGIC_AT),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MAGIC, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, TEST_FRAME),
        BPF_STMT(BPF_RET | BPF_K, 0), /* also where a frame is too short for a load */
    };
    struct sock_fprog filter = { .len = sizeof code / sizeof *code, .filter = code };
    struct packet_mreq promiscuous = { .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC };
    int result = set(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
    if (result == 0) result = option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    if (result == 0) result = set(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous);
    if (result == 0) result = buffer_size(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER);
    option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1); /* Linux 4.20; the sender's socket is not seen anyway */
    return result;
}

static int send_test_frames(int fd)
{
    /* So that a thread that was told to stop comes to hear it. */
    struct timeval patience = { .tv_usec = 100000 };
    int result = set(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    buffer_size(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER);
    option(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
    return result;
}

/* A socket on one interface of a namespace (netns < 0: here), for frames in one direction. */
int tl_test_socket(int netns, int ifindex, int receive)
{
    int fd = tl_socket_in(netns, AF_PACKET, SOCK_RAW, 0);
    if (fd < 0) return fd;
    int result = receive ? receive_test_frames(fd, ifindex) : send_test_frames(fd);
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_ifindex = ifindex,
        .sll_protocol = receive ? __builtin_bswap16(ETH_P_ALL) : 0,
    };
    if (result == 0 && bind(fd, (struct sockaddr *)&address, sizeof address) < 0) result = -errno;
    if (result == 0) return fd;
    close(fd);
    return result;
}

/*
 * Buckets of a latency: one for each value below 64 ns, then 64 for each power of two, so that a bucket is at most
 * 1.6 % wide. The last takes everything above.
 */
int tl_test_bucket(double nanoseconds)
{
    if (nanoseconds < TL_TEST_SUB_BUCKETS) return nanoseconds < 0 ? 0 : (int)nanoseconds;
    if (nanoseconds >= (double)(1LL << 40)) return TL_TEST_BUCKETS - 1;
    uint64_t value = (uint64_t)nanoseconds;
    int shift = 63 - 6 - __builtin_clzll(value);
    return shift * TL_TEST_SUB_BUCKETS + (int)(value >> shift);
}

static void *run(void *pointer)
{
    struct task *t = pointer;
    t->run(t);
    atomic_store(&t->done, 1);
    return NULL;
}

static int start(struct task *t)
{
    pthread_mutex_lock(&lock);
    int id = 0;
    while (id < TASKS && tasks[id]) id++;
    int result = id < TASKS ? 0 : -EMFILE;
    if (result == 0) {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
        result = -pthread_create(&t->thread, NULL, run, t);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (result == 0) tasks[id] = t;
    pthread_mutex_unlock(&lock);
    if (result == 0) return id;
    free(t);
    return result;
}

static struct task *make(int fd, const double *plan, void (*body)(struct task *))
{
    struct task *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->fd = fd;
    t->run = body;
    memcpy(t->plan, plan, sizeof t->plan);
    return t;
}

int tl_test_send(int fd, const double *plan, const uint8_t *frame, int length)
{
    if (length < TEST_FRAME || length > TL_TEST_FRAME_MAX) return -EMSGSIZE;
    struct task *t = make(fd, plan, tester_send);
    if (!t) return -ENOMEM;
    t->length = length;
    memcpy(t->frame, frame, (size_t)length);
    return start(t);
}

int tl_test_receive(int fd, const double *plan)
{
    struct task *t = make(fd, plan, tester_receive);
    return t ? start(t) : -ENOMEM;
}

static struct task *find(int id)
{
    return id >= 0 && id < TASKS ? tasks[id] : NULL;
}

int tl_test_stop(int id)
{
    struct task *t = find(id);
    if (!t) return -EBADF;
    atomic_store(&t->stop, 1);
    return 0;
}

int tl_test_poll(int id, double *result, double *histogram)
{
    struct task *t = find(id);
    if (!t) return -EBADF;
    if (!atomic_load(&t->done)) {
        result[0] = (double)atomic_load(&t->progress);
        return 0;
    }
    memcpy(result, t->result, sizeof t->result);
    memcpy(histogram, t->histogram, sizeof t->histogram);
    return 1;
}

/* Stops it if need be, and waits for the thread. */
int tl_test_close(int id)
{
    struct task *t = find(id);
    if (!t) return -EBADF;
    atomic_store(&t->stop, 1);
    pthread_join(t->thread, NULL);
    pthread_mutex_lock(&lock);
    tasks[id] = NULL;
    pthread_mutex_unlock(&lock);
    free(t);
    return 0;
}
