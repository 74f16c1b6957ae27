/* Bytes of a Unix socket with the descriptors that travel beside them (SCM_RIGHTS). Neither call waits. */
#include "taploom.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

union control {
    char bytes[CMSG_SPACE(sizeof(int) * TL_RIGHTS_MAX)];
    struct cmsghdr align;
};

static ssize_t again(ssize_t (*act)(int, struct msghdr *, int), int fd, struct msghdr *message, int flags)
{
    ssize_t n;
    do n = act(fd, message, flags);
    while (n < 0 && errno == EINTR);
    return n;
}

static ssize_t transmit(int fd, struct msghdr *message, int flags) { return sendmsg(fd, message, flags); }

int tl_rights_send(int fd, const uint8_t *bytes, int length, const int32_t *fds, int count)
{
    union control control;
    struct iovec piece = { .iov_base = (void *)bytes, .iov_len = (size_t)length };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
    if (length < 0 || count < 0 || count > TL_RIGHTS_MAX) return -EINVAL;
    if (count > 0) {
        size_t size = sizeof(int) * (size_t)count;
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(head), fds, size);
    }
    ssize_t n = again(transmit, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n < 0 ? -errno : (int)n;
}

/* There is room for as many as the kernel passes at once: none is lost, and the caller closes what it did not ask for. */
int tl_rights_receive(int fd, uint8_t *bytes, int room, int32_t *words)
{
    union control control;
    struct iovec piece = { .iov_base = bytes, .iov_len = (size_t)room };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1,
                              .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
    words[TL_RIGHTS_COUNT] = 0;
    words[TL_RIGHTS_CUT] = 0;
    if (room < 0) return -EINVAL;
    ssize_t n = again(recvmsg, fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0) return -errno;
    words[TL_RIGHTS_CUT] = (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        int count = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(words + TL_RIGHTS_FDS, CMSG_DATA(head), sizeof(int) * (size_t)count);
        words[TL_RIGHTS_COUNT] = count; /* the kernel makes one such message */
    }
    return (int)n;
}
