/* One call of the poll's first half: wait, then a burst from each fd that is ready, into consecutive slots. */
#include "vhost_burst.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#define FAIR_COST (65536 + FRAME_COST) /* what each may deliver in a call at least: the largest frame */
/* The same as cost: of super-frames. */
#define CALL_COST (CALL_BYTES + CALL_BYTES / 65536 * FRAME_COST)
#define JUST_WOKEN_MS 0.02 /* an epoll_wait that finds something at once takes 0.3 to 5 us */
#define LOOK_MS 0.05 /* who polls a guest's rings asks epoll no more often than that while it has nothing to tell */

static double milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void drain_wake(struct tl_burst *b, int fd, struct member *m)
{
    uint64_t count;
    if (b->words[TL_EVENT_COUNT] >= b->words[TL_EVENT_CAPACITY]) return; /* it stays readable: next time */
    if (read(fd, &count, sizeof count) == (ssize_t)sizeof count) burst_event(b, m->source, 0);
    else if (errno != EAGAIN && errno != EINTR) burst_gone(b, fd, errno);
}

/* A datagram socket reports what came of earlier datagrams (ICMP): taking the error note clears the condition. */
static void clear_error(int fd)
{
    int error;
    socklen_t length = sizeof error;
    char note[64];
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    recv(fd, note, sizeof note, MSG_ERRQUEUE | MSG_DONTWAIT);
}

static void take_news(struct tl_burst *b, const struct epoll_event *event)
{
    struct tl_burst_state *s = b->state;
    int fd = (int)(uint32_t)event->data.u64;
    struct member *m = member_of(s, fd);
    if (!m || m->generation != event->data.u64 >> 32) return;
    int is_socket = m->kind >= TL_KIND_STREAM;
    if (event->events & EPOLLOUT && m->kind == TL_KIND_STREAM) stream_writable(fd);
    if (event->events & EPOLLOUT && m->kind == TL_KIND_DATAGRAMS) datagrams_writable(fd);
    if (event->events & (EPOLLERR | EPOLLHUP) && m->kind == TL_KIND_PACKET) {
        if (burst_packet_failed(b, fd, m)) return;
    } else if (event->events & (EPOLLERR | EPOLLHUP) && !is_socket) {
        if (m->kind != TL_KIND_UDP || event->events & EPOLLHUP) {
            burst_gone(b, fd, m->kind == TL_KIND_TAP ? EBADFD : EPIPE);
            return;
        }
        clear_error(fd);
    }
    uint32_t readable = is_socket ? EPOLLIN | EPOLLERR | EPOLLHUP : EPOLLIN; /* reading tells what a socket died of */
    if (!(event->events & readable) && !m->lost) return;
    if (m->kind == TL_KIND_WAKE) {
        drain_wake(b, fd, m);
    } else {
        burst_again(b, fd);
    }
}

/* Up to a moment between two ms: whoever sends 5 Gb/s is 625 kB late in one. Linux before 5.11 rounds up. */
static int wait_exactly(struct tl_burst *b, struct epoll_event *events, double left)
{
#ifdef SYS_epoll_pwait2
    struct timespec t = {.tv_sec = (time_t)(left / 1e3)};
    t.tv_nsec = (long)((left - (double)t.tv_sec * 1e3) * 1e6);
    int count = (int)syscall(SYS_epoll_pwait2, b->state->epoll, events, NEWS_MAX, &t, NULL, (size_t)0);
    if (count >= 0 || errno == EINTR) return count;
#endif
    return epoll_wait(b->state->epoll, events, NEWS_MAX, (int)left + 1);
}

static void wait_for_news(struct tl_burst *b, int timeout)
{
    struct epoll_event events[NEWS_MAX];
    double wake_at = b->clock[TL_WAKE_AT], left = wake_at - b->clock[TL_WAITED_FROM];
    int count = timeout > 0 && wake_at > 0 && left > 0 && left < timeout
                    ? wait_exactly(b, events, left)
                    : epoll_wait(b->state->epoll, events, NEWS_MAX, wake_at > 0 && left <= 0 ? 0 : timeout);
    for (int i = 0; i < count; i++) take_news(b, &events[i]);
    b->state->quiet_until = count > 0 ? 0 : b->clock[TL_WAITED_FROM] + LOOK_MS;
}

/* A system call is as much work as ten small frames of a guest, which need none. */
static int is_news_due(const struct tl_burst *b, int room)
{
    const struct tl_burst_state *s = b->state;
    if (b->words[TL_TIMEOUT] < 0) return 0;
    return !s->queued || !room || b->clock[TL_WAITED_FROM] >= s->quiet_until;
}

static int is_fatal(int error)
{
    return error == EBADF || error == EBADFD || error == ENODEV || error == ENXIO;
}

/* Reads up to `asked` frames, each to a slot of its own; `lengths` are bytes or -errno. Returns how many entries it has. */
static int read_frames(struct tl_burst *b, int fd, int header, int slot, int asked, int32_t *lengths)
{
    struct tl_burst_state *s = b->state;
    size_t capacity = (size_t)(b->words[TL_STRIDE] - b->words[TL_HEADROOM] + header);
    if (s->uring && asked >= URING_WORTH) {
        for (int n = 0; n < asked; n++)
            uring_put(s->uring, URING_READ, fd, burst_slot(b, slot + n) - header, capacity);
        int done = burst_run(b, asked, lengths);
        if (done > 0) return done;
    }
    int n = 0;
    do {
        ssize_t length = read(fd, burst_slot(b, slot + n) - header, capacity);
        lengths[n++] = length < 0 ? -errno : (int32_t)length;
    } while (n < asked && lengths[n - 1] > 0);
    return n;
}

static int receive_tap(struct tl_burst *b, int fd, struct member *m, int slot, int room)
{
    struct tl_burst_state *s = b->state;
    int header = m->header, got = 0, lost = 0, error = 0;
    int32_t capacity = b->words[TL_STRIDE] - b->words[TL_HEADROOM] + header, lengths[QUANTUM], largest = 0;
    burst_renew(b, m);
    int wanted = m->expect < room ? m->expect : room, asked = burst_affordable(m);
    if (asked == 0) return 0;
    if (asked > wanted) asked = wanted;
    int read = read_frames(b, fd, header, slot, asked, lengths);
    for (int n = 0; n < read; n++) {
        int32_t length = lengths[n];
        if (length < header) {
            error = length < 0 ? -length : ENXIO; /* what delivers no header is no TAP */
            if (error != EAGAIN && error != EINTR && !is_fatal(error)) lost += burst_lost(b, m, slot + got++);
            continue;
        }
        if (got < n) memcpy(burst_slot(b, slot + got) - header, burst_slot(b, slot + n) - header, (size_t)length);
        int32_t *row = b->rx + TL_ROW * (slot + got++);
        memset(row, 0, TL_ROW * sizeof *row);
        row[TL_RX_SOURCE] = m->source;
        row[TL_RX_LENGTH] = length - header;
        row[TL_RX_FLAGS] = length == capacity ? TL_RX_TRUNCATED : 0;
        m->credit -= length + FRAME_COST;
        if (length > largest) largest = length;
    }
    if (got > lost) m->largest = largest;
    if (error) m->credit = 0; /* who has nothing to say saves nothing up */
    if (got > lost || error == EAGAIN) m->failures = 0;
    if (is_fatal(error) || (lost && ++m->failures == FAILURES_MAX))
        burst_gone(b, fd, error);
    else if (error || got == wanted) burst_adapt(s, m, wanted, got); /* the end of its credit tells nothing of its queue */
    return got;
}

static void describe_datagram(const struct mmsghdr *message, int32_t *row)
{
    const struct sockaddr *from = message->msg_hdr.msg_name;
    row[TL_RX_FAMILY] = from->sa_family;
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
        row[TL_RX_PORT] = ntohs(v4->sin_port);
        memcpy(&row[TL_RX_ADDRESS], &v4->sin_addr, 4);
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
        row[TL_RX_PORT] = ntohs(v6->sin6_port);
        memcpy(&row[TL_RX_ADDRESS], &v6->sin6_addr, 16);
        row[TL_RX_SCOPE] = (int32_t)v6->sin6_scope_id;
    }
    struct msghdr *h = (struct msghdr *)&message->msg_hdr;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) row[TL_RX_TOS] = *(uint8_t *)CMSG_DATA(c);
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) memcpy(&row[TL_RX_TOS], CMSG_DATA(c), 4);
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) memcpy(&row[TL_RX_TRAIN], CMSG_DATA(c), 4);
    }
}

static int receive_udp(struct tl_burst *b, int fd, struct member *m, int slot, int room)
{
    struct tl_burst_state *s = b->state;
    burst_renew(b, m);
    int wanted = m->expect < room ? m->expect : room, asked = burst_affordable(m);
    if (asked == 0) return 0;
    if (asked > wanted) asked = wanted;
    for (int i = 0; i < asked; i++) {
        s->pieces[i][0].iov_base = burst_slot(b, slot + i);
        s->pieces[i][0].iov_len = (size_t)(b->words[TL_STRIDE] - b->words[TL_HEADROOM]);
        s->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &s->addresses[i], .msg_namelen = sizeof s->addresses[i], .msg_iov = s->pieces[i],
            .msg_iovlen = 1, .msg_control = s->control[i], .msg_controllen = CONTROL_ROOM,
        };
    }
    int got = recvmmsg(fd, s->messages, (unsigned)asked, MSG_DONTWAIT, NULL);
    if (got < 0) {
        if (errno == EBADF || errno == ENOTSOCK) burst_gone(b, fd, errno);
        else burst_adapt(s, m, asked, 0); /* EAGAIN, or the fate of an earlier datagram */
        m->credit = 0;
        return 0;
    }
    m->largest = 0;
    for (int i = 0; i < got; i++) {
        int32_t *row = b->rx + TL_ROW * (slot + i);
        memset(row, 0, TL_ROW * sizeof *row);
        row[TL_RX_SOURCE] = m->source;
        row[TL_RX_LENGTH] = (int32_t)s->messages[i].msg_len;
        row[TL_RX_FLAGS] = s->messages[i].msg_hdr.msg_flags & MSG_TRUNC ? TL_RX_TRUNCATED : 0;
        describe_datagram(&s->messages[i], row);
        m->credit -= row[TL_RX_LENGTH] + FRAME_COST;
        if (row[TL_RX_LENGTH] > m->largest) m->largest = row[TL_RX_LENGTH];
    }
    if (got < asked) m->credit = 0;
    if (got < asked || got == wanted) burst_adapt(s, m, wanted, got);
    return got;
}

static int (*const receivers[])(struct tl_burst *, int, struct member *, int, int) = {
    [TL_KIND_TAP] = receive_tap,         [TL_KIND_UDP] = receive_udp,          [TL_KIND_PACKET] = burst_receive_packets,
    [TL_KIND_VHOST] = burst_receive_vhost,
    [TL_KIND_STREAM] = stream_receive,   [TL_KIND_PACKETS] = messages_receive, [TL_KIND_DATAGRAMS] = messages_receive,
};

int burst_receive(struct tl_burst *b)
{
    struct tl_burst_state *s = b->state;
    int32_t *w = b->words;
    w[TL_EVENT_COUNT] = 0;
    if (!s) return -EBADF;
    int first = w[TL_FIRST], room = w[TL_SLOTS] - first;
    if (first < 0 || room < 0) return -EINVAL;
    if (w[TL_LIMIT] < room) room = w[TL_LIMIT] < 0 ? 0 : w[TL_LIMIT];

    b->clock[TL_WAITED_FROM] = milliseconds();
    b->clock[TL_NOW] = b->clock[TL_WAITED_FROM];
    if (is_news_due(b, room)) {
        wait_for_news(b, s->queued && room ? 0 : w[TL_TIMEOUT]);
        b->clock[TL_NOW] = milliseconds();
    }
    if (s->downs) burst_watch_packets(b);
    if (!room) return 0; /* only a look between two polls: it says nothing of any stream */
    s->slept = b->clock[TL_NOW] - b->clock[TL_WAITED_FROM] > JUST_WOKEN_MS;
    s->round++;

    s->contenders = s->queued;
    s->credit = s->queued ? CALL_COST / (int)s->queued : CALL_COST;
    if (s->credit < FAIR_COST) s->credit = FAIR_COST;
    int count = 0, bytes = 0;
    for (unsigned turns = s->queued; turns > 0 && s->queued > 0 && count < room && bytes < CALL_BYTES; turns--) {
        int fd = s->queue[s->head];
        s->head = (s->head + 1) & (s->queue_size - 1);
        s->queued--;
        struct member *m = &s->members[fd];
        m->queued = 0;
        int got = receivers[m->kind](b, fd, m, first + count, room - count);
        for (int n = count; n < count + got; n++) bytes += b->rx[TL_ROW * (first + n) + TL_RX_LENGTH];
        count += got;
    }
    return count;
}
