/* /dev/net/tun. Kernel rules: Documentation/networking/tuntap.rst and drivers/net/tun.c. */
#include "taploom.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif

struct attachment {
    const char *name;
    int flags;
    char *actual;
    int32_t *words;
};

static int control(int fd, unsigned long request, void *argument)
{
    return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

int tl_tap_query(int fd, char *actual, int32_t *words)
{
    struct ifreq request;
    memset(&request, 0, sizeof request);
    words[TL_TAP_STAGE] = TL_TAP_STAGE_QUERY;
    if (ioctl(fd, TUNGETIFF, &request) < 0) return -errno;
    memcpy(actual, request.ifr_name, IFNAMSIZ);
    words[TL_TAP_FLAGS] = (uint16_t)request.ifr_flags;
    return fd;
}

/* The namespace that counts is the one in which /dev/net/tun was opened. */
static int attach(void *pointer)
{
    struct attachment *a = pointer;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    a->words[TL_TAP_STAGE] = TL_TAP_STAGE_OPEN;
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return -errno;
    strncpy(request.ifr_name, a->name, IFNAMSIZ - 1);
    request.ifr_flags = (short)a->flags;
    a->words[TL_TAP_STAGE] = TL_TAP_STAGE_ATTACH;
    int result = control(fd, TUNSETIFF, &request);
    if (result == 0) result = tl_tap_query(fd, a->actual, a->words);
    if (result < 0) close(fd);
    return result;
}

int tl_tap_attach(int netns, const char *name, int flags, char *actual, int32_t *words)
{
    struct attachment a = { name, flags, actual, words };
    words[TL_TAP_STAGE] = 0;
    if (strlen(name) >= IFNAMSIZ) return -ENAMETOOLONG;
    return tl_in_netns(netns, attach, &a);
}

/* Header fields are little-endian on every machine, as in virtio 1.0. */
int tl_tap_set_header(int fd, int bytes)
{
    int little = 1;
    int result = control(fd, TUNSETVNETHDRSZ, &bytes);
    return result < 0 ? result : control(fd, TUNSETVNETLE, &little);
}

/* As `ip tuntap add` makes one. The interface keeps these, and not every program sets them: it would get half checksums. */
int tl_tap_reset(int fd)
{
    int bytes = sizeof(struct virtio_net_hdr), native_order = 0;
    int result = tl_tap_set_offload(fd, 0);
    if (result == 0) result = control(fd, TUNSETVNETHDRSZ, &bytes);
    return result < 0 ? result : control(fd, TUNSETVNETLE, &native_order);
}

int tl_tap_set_offload(int fd, int bits)
{
    return ioctl(fd, TUNSETOFFLOAD, (unsigned long)bits) < 0 ? -errno : 0;
}

int tl_tap_set_persist(int fd, int on)
{
    return ioctl(fd, TUNSETPERSIST, (unsigned long)on) < 0 ? -errno : 0;
}

int tl_tap_set_owner(int fd, int uid)
{
    return ioctl(fd, TUNSETOWNER, (unsigned long)uid) < 0 ? -errno : 0;
}

int tl_tap_set_group(int fd, int gid)
{
    return ioctl(fd, TUNSETGROUP, (unsigned long)gid) < 0 ? -errno : 0;
}

/*
 * Replaces each fd by 1 if its interface is up, 0 if it is down, -1 if it is gone. One system call for all of them, and
 * wherever the interfaces are: a TAP is writable exactly while it is up (tun_sock_writeable in drivers/net/tun.c).
 */
int tl_tap_up(int32_t *fds, int count)
{
    struct pollfd *asked = calloc((size_t)count + 1, sizeof *asked);
    if (!asked) return -ENOMEM;
    for (int i = 0; i < count; i++) asked[i] = (struct pollfd){ .fd = fds[i], .events = POLLOUT };
    int result = poll(asked, (nfds_t)count, 0) < 0 ? -errno : 0;
    for (int i = 0; i < count && result == 0; i++)
        fds[i] = asked[i].revents & (POLLERR | POLLNVAL) ? -1 : (asked[i].revents & POLLOUT) != 0;
    free(asked);
    return result;
}

/* The namespace in which the device is now; it may have been moved since it was created. */
int tl_tap_netns(int fd)
{
    int netns = ioctl(fd, TUNGETDEVNETNS, 0);
    return netns < 0 ? -errno : netns;
}
