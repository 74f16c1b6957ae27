/* Opening TAPs and AF_PACKET sockets in the namespaces of hosts, for the programs of this folder. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void enter_netns(const char *path)
{
    int ns = open(path, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) err(1, "%s", path);
    close(ns);
}

/* As Taploom opens it: a virtio-net header of 12 bytes, and of `offloads` what the kernel knows. */
static int open_tap(const char *netns, const char *name, unsigned long offloads)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    int header = 12;
    enter_netns(netns);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &header) < 0) err(1, "%s", name);
    while (ioctl(fd, TUNSETOFFLOAD, offloads) < 0) {
        /* UDP segmentation came with Linux 6.2. */
        if (!(offloads & 0x60)) err(1, "%s: TUNSETOFFLOAD", name);
        offloads &= ~0x60UL;
    }
    return fd;
}

static void say_ready(void)
{
    puts("ready");
    fflush(stdout);
}
