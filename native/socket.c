/* Sockets of virtual machines and their like, non-blocking: by a path of the file system, or by an address of IP. */
#include "sockopt.h"
#include "taploom.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64
#define GREETING_MAX 16

static int address_of(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
    strcpy(address->sun_path, path);
    return 0;
}

static int result_of(int fd, int error)
{
    if (!error) return fd;
    close(fd);
    return -error;
}

/*
 * By descriptor: in a folder that others may write to, the path may lead elsewhere a moment later. The owner comes last: the
 * mode of somebody else's file takes CAP_FOWNER.
 */
static int give(const char *path, int mode, int uid, int gid)
{
    char link[32];
    struct stat stat;
    int error = 0, fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (fstat(fd, &stat) < 0) error = errno;
    else if (!S_ISSOCK(stat.st_mode) || stat.st_uid != geteuid()) error = EEXIST;
    else if (fchownat(fd, "", (uid_t)-1, (gid_t)gid, AT_EMPTY_PATH) < 0) error = errno;
    else if (chmod(link, (mode_t)mode) < 0) error = errno;
    else if (fchownat(fd, "", (uid_t)uid, (gid_t)-1, AT_EMPTY_PATH) < 0) error = errno;
    close(fd);
    return error;
}

/* The mode of an unbound socket is that of the file which bind() makes: nobody gets in before `give`. */
int tl_socket_listen(const char *path, int type, int mode, int uid, int gid)
{
    struct sockaddr_un address;
    int error = -address_of(path, &address);
    if (error) return -error;
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (fchmod(fd, 0) < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return result_of(fd, errno);
    error = give(path, mode, uid, gid);
    if (!error && type != SOCK_DGRAM && listen(fd, BACKLOG) < 0) error = errno;
    if (error) unlink(path);
    return result_of(fd, error);
}

/* A datagram socket gets a name of the kernel's choice (unix(7), autobind), so that it can be answered. */
int tl_socket_connect(const char *path, int type)
{
    struct sockaddr_un address, none = { .sun_family = AF_UNIX };
    int error = -address_of(path, &address);
    if (error) return -error;
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (type == SOCK_DGRAM && bind(fd, (struct sockaddr *)&none, sizeof none.sun_family) < 0) error = errno;
    if (!error && connect(fd, (struct sockaddr *)&address, sizeof address) < 0) error = errno;
    return result_of(fd, error);
}

int tl_socket_reconnect(int fd, const char *path)
{
    struct sockaddr_un address;
    socklen_t length = sizeof address;
    int error = -address_of(path, &address);
    if (!error && !*path && getpeername(fd, (struct sockaddr *)&address, &length) < 0) error = errno;
    if (!error && connect(fd, (struct sockaddr *)&address, length) < 0) error = errno;
    return -error;
}

/* Listens if it is a stream without `remote`; a length of 0 is no address. A stream may still be connecting. */
int tl_socket_inet(const uint8_t *local, int local_length, const uint8_t *remote, int remote_length, int type)
{
    struct sockaddr_storage own, other;
    if (local_length < 0 || remote_length < 0 || local_length + remote_length == 0) return -EINVAL;
    if ((size_t)local_length > sizeof own || (size_t)remote_length > sizeof other) return -EINVAL;
    memcpy(&own, local, (size_t)local_length);
    memcpy(&other, remote, (size_t)remote_length);
    int family = local_length ? own.ss_family : other.ss_family;
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (type == SOCK_STREAM) option(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* accepted sockets inherit it */
    if (type == SOCK_STREAM) option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    int error = 0;
    if (local_length && bind(fd, (struct sockaddr *)&own, (socklen_t)local_length) < 0) error = errno;
    if (!error && remote_length && connect(fd, (struct sockaddr *)&other, (socklen_t)remote_length) < 0)
        error = errno == EINPROGRESS ? 0 : errno;
    if (!error && type == SOCK_STREAM && !remote_length && listen(fd, BACKLOG) < 0) error = errno;
    return result_of(fd, error);
}

int tl_socket_error(int fd)
{
    int error;
    socklen_t length = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? -errno : -error;
}

int tl_socket_greet(int fd, const uint8_t *bytes, int length)
{
    ssize_t sent = send(fd, bytes, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : (int)sent;
}

/*
 * A datagram socket without a peer takes the sender of the next datagram for one. If a greeting is expected, that must be
 * it, and it is taken out; otherwise the datagram is a frame, and stays. -EPROTO: from somebody who cannot be answered, or
 * no greeting; it is thrown away.
 */
int tl_socket_meet(int fd, const uint8_t *greeting, int length)
{
    struct sockaddr_storage from;
    socklen_t from_length = sizeof from;
    uint8_t bytes[GREETING_MAX];
    if (length < 0 || length > GREETING_MAX) return -EINVAL;
    ssize_t got = recvfrom(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC, (struct sockaddr *)&from,
                           &from_length);
    if (got < 0) return -errno;
    int is_welcome = from_length > sizeof(sa_family_t);
    if (length && (got != length || memcmp(bytes, greeting, (size_t)length) != 0)) is_welcome = 0;
    if (length || !is_welcome) recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (!is_welcome) return -EPROTO;
    return connect(fd, (struct sockaddr *)&from, from_length) < 0 ? -errno : 0;
}
