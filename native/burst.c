/* The epoll set behind a burst: members come and go here. See burst.h for the data structure. */
#include "burst.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX_FD (1 << 20)

int burst_open(struct tl_burst *b)
{
    struct tl_burst_state *s = calloc(1, sizeof *s);
    if (!s) return -ENOMEM;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll < 0) {
        int error = errno;
        free(s);
        return -error;
    }
    tl_own(s->epoll);
    if (b->words[TL_URING]) s->uring = uring_open();
    b->words[TL_URING] = s->uring != NULL;
    b->state = s;
    return 0;
}

int burst_close(struct tl_burst *b)
{
    struct tl_burst_state *s = b->state;
    if (!s) return 0;
    b->state = NULL;
    tl_close(s->epoll);
    uring_close(s->uring);
    free(s->members);
    free(s->queue);
    free(s->vhost);
    free(s);
    return 0;
}

static int grow_members(struct tl_burst_state *s, int fd)
{
    if (fd < s->capacity) return 0;
    if (fd >= MAX_FD) return -EMFILE;
    int capacity = s->capacity ? s->capacity : 64;
    while (capacity <= fd) capacity *= 2;
    struct member *members = realloc(s->members, (size_t)capacity * sizeof *members);
    if (!members) return -ENOMEM;
    memset(members + s->capacity, 0, (size_t)(capacity - s->capacity) * sizeof *members);
    s->members = members;
    s->capacity = capacity;
    return 0;
}

static int grow_queue(struct tl_burst_state *s)
{
    if ((unsigned)s->count + 1 < s->queue_size) return 0;
    unsigned size = s->queue_size ? s->queue_size * 2 : 64;
    int *queue = malloc(size * sizeof *queue);
    if (!queue) return -ENOMEM;
    for (unsigned i = 0; i < s->queued; i++) queue[i] = s->queue[(s->head + i) & (s->queue_size - 1)];
    free(s->queue);
    s->queue = queue;
    s->queue_size = size;
    s->head = 0;
    return 0;
}

int burst_add(struct tl_burst *b)
{
    struct tl_burst_state *s = b->state;
    int fd = b->words[TL_FD], source = b->words[TL_SOURCE], kind = b->words[TL_KIND];
    if (!s || fd < 0) return -EBADF;
    int header = b->words[TL_HEADER];
    if (kind == TL_KIND_TUNNEL_TAP) {
        kind = TL_KIND_TAP;
        header = TUNNEL_HEADER;
    }
    int is_socket = kind >= TL_KIND_STREAM && kind <= TL_KIND_DATAGRAMS;
    if (source <= 0 || kind < TL_KIND_TAP || header > b->words[TL_HEADROOM]) return -EINVAL;
    if (kind > TL_KIND_PACKET && kind != TL_KIND_VHOST && !is_socket) return -EINVAL;
    if (kind == TL_KIND_PACKET &&
        (header != TL_PACKET_HEADER || b->words[TL_HEADROOM] < TL_PACKET_HEADROOM)) return -EINVAL;
    if (member_of(s, fd)) return -EEXIST;
    int result = grow_members(s, fd);
    if (result == 0) result = grow_queue(s);
    if (result < 0) return result;

    uint32_t generation = ++s->generation;
    /* A guest's kicks are edges: reading each away would cost a system call. */
    uint32_t events = kind == TL_KIND_VHOST ? EPOLLIN | EPOLLET : EPOLLIN;
    struct epoll_event event = { .events = events, .data.u64 = (uint64_t)generation << 32 | (uint32_t)fd };
    if (is_socket && (result = stream_watch(fd, s->epoll, event.data.u64)) < 0 && kind == TL_KIND_STREAM) return result;
    if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0) return -errno;
    s->members[fd] = (struct member){
        .source = source, .generation = generation, .kind = (uint8_t)kind, .header = (uint8_t)header, .expect = 1,
        .device = b->words[TL_DEVICE],
    };
    s->count++;
    return 0;
}

static void forget(struct tl_burst_state *s, int fd)
{
    struct member *m = &s->members[fd];
    if (m->queued) {
        unsigned mask = s->queue_size - 1, kept = 0;
        for (unsigned i = 0; i < s->queued; i++) {
            int other = s->queue[(s->head + i) & mask];
            if (other != fd) s->queue[(s->head + kept++) & mask] = other;
        }
        s->queued = kept;
    }
    if (m->down) s->downs--;
    m->source = 0;
    m->queued = 0;
    m->down = 0;
    s->count--;
}

/* An fd that is already closed has left the epoll set by itself: that is no error. */
int burst_remove(struct tl_burst *b)
{
    struct tl_burst_state *s = b->state;
    int fd = b->words[TL_FD];
    if (!s || !member_of(s, fd)) return -ENOENT;
    forget(s, fd);
    epoll_ctl(s->epoll, EPOLL_CTL_DEL, fd, NULL);
    return 0;
}

int burst_event(struct tl_burst *b, int source, int error)
{
    int32_t *w = b->words;
    if (w[TL_EVENT_COUNT] >= w[TL_EVENT_CAPACITY]) return 0;
    int32_t *event = b->events + 2 * w[TL_EVENT_COUNT]++;
    event[0] = source;
    event[1] = error;
    return 1;
}

void burst_gone(struct tl_burst *b, int fd, int error)
{
    struct tl_burst_state *s = b->state;
    if (!burst_event(b, s->members[fd].source, error)) return;
    epoll_ctl(s->epoll, EPOLL_CTL_DEL, fd, NULL);
    forget(s, fd);
}

/* A TAP takes RWF_NOWAIT since Linux 6.4. Before, each request is refused for it, and nothing has happened. */
int burst_run(struct tl_burst *b, int count, int32_t *result)
{
    struct tl_burst_state *s = b->state;
    int done = uring_run(s->uring, result);
    if (done > 0 && result[0] == -EOPNOTSUPP) done = 0;
    if (done < count) {
        uring_close(s->uring);
        s->uring = NULL;
        b->words[TL_URING] = 0;
    }
    return done;
}
