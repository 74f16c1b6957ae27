/* Unix sockets for programs that pass descriptors over them, which Node's own streams would throw away. None of them waits. */
#include "taploom.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static int address(const char *path, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    size_t length = strlen(path);
    if (length == 0) return -ENOENT;
    if (length >= sizeof out->sun_path) return -ENAMETOOLONG;
    memcpy(out->sun_path, path, length + 1);
    return 0;
}

static int failed(int fd)
{
    int error = -errno;
    close(fd);
    return error;
}

static int open_socket(int type) { return socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

/* Until it listens nobody can connect, whatever the mode was before. */
int tl_unix_listen(const char *path, int mode)
{
    struct sockaddr_un at;
    int error = address(path, &at);
    if (error) return error;
    int fd = open_socket(SOCK_STREAM);
    if (fd < 0) return -errno;
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0) return failed(fd);
    if (chmod(path, (mode_t)mode) < 0 || listen(fd, BACKLOG) < 0) {
        error = failed(fd);
        unlink(path);
        return error;
    }
    return fd;
}

int tl_unix_accept(int fd)
{
    int connection = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return connection < 0 ? -errno : connection;
}

/* Of a Unix socket it is done at once, or the listener's queue is full: EAGAIN. */
int tl_unix_connect(const char *path)
{
    struct sockaddr_un to;
    int error = address(path, &to);
    if (error) return error;
    int fd = open_socket(SOCK_STREAM);
    if (fd < 0) return -errno;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) return failed(fd);
    return fd;
}

int tl_unix_pair(int32_t *fds)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
    fds[0] = pair[0];
    fds[1] = pair[1];
    return 0;
}
