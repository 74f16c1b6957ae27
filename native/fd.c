#include "taploom.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

int tl_version(void) { return TL_VERSION; }

int tl_nothing(void *context)
{
    (void)context;
    return 0;
}

/* Linux has released the number even when close() reports EINTR: a second try could close a stranger's file. */
int tl_close(int fd)
{
    tl_disown(fd);
    return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

int tl_dup(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return copy < 0 ? -errno : copy;
}

int tl_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
    return 0;
}

int tl_set_blocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) return -errno;
    return 0;
}

int tl_lock(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 1;
    return errno == EWOULDBLOCK ? 0 : -errno;
}
