/*
 * pump: what a C program that does nothing but copy can reach between two TAPs. Opens both as Taploom does (virtio-net
 * header of 12 bytes, the same offloads), and moves frames both ways without looking at them.
 *
 *   pump OFFLOADS NETNS TAP NETNS TAP [...]     joins first and second, third and fourth ...; OFFLOADS 0 or 1
 *
 * Prints "ready"; ends when its parent does.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { BURST = 64, MAX_TAPS = 64 };

static int open_tap(const char *netns, const char *name, int want_offloads)
{
    static const unsigned long offloads[] = { 0x6f, 0x67, 0x0f, 0x07, 0x01, 0 };
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    int header = 12, n = want_offloads ? 0 : 5;
    int ns = open(netns, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) err(1, "%s", netns);
    close(ns);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &header) < 0) err(1, "%s", name);
    while (ioctl(fd, TUNSETOFFLOAD, offloads[n]) < 0)
        if (offloads[n++] == 0) err(1, "%s: TUNSETOFFLOAD", name);
    return fd;
}

int main(int argc, char **argv)
{
    static char frame[12 + 14 + 8 + 65535];
    struct pollfd taps[MAX_TAPS];
    int count = (argc - 2) / 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc < 6 || argc % 4 != 2 || count > MAX_TAPS) errx(1, "usage: pump OFFLOADS NETNS TAP NETNS TAP [...]");
    for (int i = 0; i < count; i++)
        taps[i] = (struct pollfd){ open_tap(argv[2 + 2 * i], argv[3 + 2 * i], atoi(argv[1])), POLLIN, 0 };
    puts("ready");
    fflush(stdout);
    while (poll(taps, count, -1) > 0)
        for (int i = 0; i < count; i++)
            for (int n = 0; n < BURST && (taps[i].revents & POLLIN); n++) {
                ssize_t length = read(taps[i].fd, frame, sizeof frame);
                /* What the other side does not take is lost, as on any wire. */
                if (length <= 0 || write(taps[i ^ 1].fd, frame, length) < 0) break;
            }
    err(1, "poll");
}
