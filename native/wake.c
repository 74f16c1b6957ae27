/* eventfd: how one thread gets another one out of epoll_wait. */
#include "taploom.h"
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int tl_wake_create(void)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* EAGAIN means that the counter is full: the sleeper has been told often enough. */
int tl_wake_signal(const int32_t *fd)
{
    uint64_t one = 1;
    if (write(*fd, &one, sizeof one) < 0 && errno != EAGAIN) return -errno;
    return 0;
}
