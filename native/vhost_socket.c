/* Unix sockets whose messages carry descriptors (SCM_RIGHTS), which Node cannot receive. */
#include "taploom.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1

static int address_of(const char *path, struct sockaddr_un *a)
{
    *a = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof a->sun_path) return -ENAMETOOLONG;
    strcpy(a->sun_path, path);
    return 0;
}

static int fail(int fd)
{
    int error = -errno;
    tl_close(fd);
    return error;
}

static int open_stream(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

/* Nobody can connect before the mode is set: that takes a socket that listens. */
int tl_unix_listen(const char *path, int mode)
{
    struct sockaddr_un a;
    int result = address_of(path, &a);
    if (result < 0) return result;
    int fd = open_stream();
    if (fd < 0) return fd;
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0) return fail(fd);
    if (chmod(path, (mode_t)mode) < 0 || listen(fd, BACKLOG) < 0) {
        int error = fail(fd);
        unlink(path);
        return error;
    }
    return fd;
}

int tl_unix_connect(const char *path)
{
    struct sockaddr_un a;
    int result = address_of(path, &a);
    if (result < 0) return result;
    int fd = open_stream();
    if (fd < 0) return fd;
    return connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ? fail(fd) : fd;
}

int tl_unix_accept(int fd)
{
    int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return accepted < 0 ? -errno : accepted;
}

/* More than fit the kernel has closed already (MSG_CTRUNC). */
static void take_fds(struct msghdr *message, int32_t *fds)
{
    for (int n = 0; n < TL_MESSAGE_FDS; n++) fds[n] = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(c), (count < TL_MESSAGE_FDS ? count : TL_MESSAGE_FDS) * sizeof(int));
    }
}

int tl_message_receive(int fd, uint8_t *out, int room, int32_t *fds)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(TL_MESSAGE_FDS * sizeof(int))];
    } control;
    struct iovec piece = { .iov_base = out, .iov_len = (size_t)room };
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control,
    };
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0) return -errno;
    take_fds(&message, fds);
    return (int)length;
}

int tl_message_send(int fd, const uint8_t *bytes, int length, int with_fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
    struct iovec piece = { .iov_base = (void *)bytes, .iov_len = (size_t)length };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
    if (with_fd >= 0) {
        memcpy(CMSG_DATA(&control.header), &with_fd, sizeof with_fd);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int));
    }
    ssize_t sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : (int)sent;
}
