/*
 * News of the kernel for a program whose event loop can wait for streams only: a thread sleeps until one of the watched
 * descriptors has something, and says so with a byte. Who hears it reads them all with tl_watch_read.
 *
 *   netlink sockets, pidfds -> epoll -> thread -> a byte in a socket pair -> event loop
 */
#include "taploom.h"
#include <errno.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES 65536
#define PAUSE_NS 2000000 /* between two bytes: an interface that is made tells five times */
#define MAX_MESSAGE 32768
#define RECEIVE_BUFFER (1 << 20)

struct watcher {
    int outer, end;
    long pause;
};

static void *watch(void *pointer)
{
    struct watcher w = *(struct watcher *)pointer;
    free(pointer);
    struct timespec pause = { .tv_nsec = w.pause };
    struct epoll_event event;
    for (;;) {
        int n = epoll_wait(w.outer, &event, 1, -1);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 || event.data.fd == w.end) break; /* the other end was closed */
        send(w.end, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL); /* full: it has yet to hear of the last one */
        if (w.pause) nanosleep(&pause, NULL);
    }
    close(w.outer);
    close(w.end);
    return NULL;
}

static int add(int epoll, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* The thread inherits a mask without signals: no handler of the program runs on its stack. */
static int start(struct watcher *w)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, &attributes, watch, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -error;
}

static int open_watch(int32_t *end, long pause)
{
    int pair[2];
    struct watcher *w = malloc(sizeof *w);
    if (!w) return -ENOMEM;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
        int error = -errno;
        free(w);
        return error;
    }
    int inner = epoll_create1(EPOLL_CLOEXEC);
    int result = inner < 0 ? -errno : 0;
    *w = (struct watcher){ .outer = epoll_create1(EPOLL_CLOEXEC), .end = pair[1], .pause = pause };
    if (result == 0 && w->outer < 0) result = -errno;
    if (result == 0) result = add(w->outer, inner, EPOLLIN | EPOLLET);
    if (result == 0) result = add(w->outer, w->end, EPOLLRDHUP);
    int outer = w->outer; /* a thread that runs owns w */
    if (result == 0) result = start(w);
    if (result == 0) {
        *end = pair[0];
        return inner;
    }
    free(w);
    close(pair[0]);
    close(pair[1]);
    if (inner >= 0) close(inner);
    if (outer >= 0) close(outer);
    return result;
}

int tl_watch_open(int32_t *end) { return open_watch(end, PAUSE_NS); }

int tl_watch_open_fast(int32_t *end) { return open_watch(end, 0); }

int tl_watch_add(int watch, int fd)
{
    return add(watch, fd, EPOLLIN);
}

int tl_watch_remove(int watch, int fd)
{
    return epoll_ctl(watch, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
}

int tl_watch_routes(int netns, int groups)
{
    int fd = tl_socket_in(netns, AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0) return fd;
    struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_groups = (uint32_t)groups };
    int bytes = RECEIVE_BUFFER;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (bind(fd, (struct sockaddr *)&own, sizeof own) == 0) return fd;
    int error = -errno;
    close(fd);
    return error;
}

int tl_pidfd_open(int pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : fd;
}

int tl_watch_arm(int watch, int fd, int write)
{
    struct epoll_event event = { .events = (write ? EPOLLOUT : EPOLLIN) | EPOLLONESHOT, .data.fd = fd };
    if (epoll_ctl(watch, EPOLL_CTL_MOD, fd, &event) == 0) return 0;
    if (errno != ENOENT || epoll_ctl(watch, EPOLL_CTL_ADD, fd, &event) < 0) return -errno;
    return 0;
}

int tl_watch_ready(int watch, int32_t *fds, int room)
{
    struct epoll_event ready[16];
    int n = epoll_wait(watch, ready, room < 16 ? room : 16, 0);
    for (int i = 0; i < n; i++) fds[i] = ready[i].data.fd;
    return n < 0 && errno != EINTR ? -errno : n < 0 ? 0 : n;
}

/* Of one descriptor. What is no socket is a pidfd: it stays readable, so it is watched no longer. */
static int take(int watch, int fd, uint8_t *out)
{
    int32_t words[2] = { fd, 0 };
    ssize_t length = recv(fd, out + sizeof words, MAX_MESSAGE, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    words[1] = length < 0 ? -errno : (int32_t)length;
    if (length < 0 && errno == ENOTSOCK) epoll_ctl(watch, EPOLL_CTL_DEL, fd, NULL);
    memcpy(out, words, sizeof words);
    return (int)sizeof words + (length < 0 ? 0 : (int)(length + 3) / 4 * 4);
}

int tl_watch_read(int watch, uint8_t *out, int room)
{
    struct epoll_event ready[16];
    int used = 0;
    while (room - used >= MAX_MESSAGE + 8) {
        int n = epoll_wait(watch, ready, 16, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -errno;
        if (n == 0) break;
        for (int i = 0; i < n && room - used >= MAX_MESSAGE + 8; i++)
            used += take(watch, ready[i].data.fd, out + used);
    }
    return used;
}

