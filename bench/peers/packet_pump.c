/*
 * packet_pump: as pump, between two existing interfaces, through AF_PACKET sockets with PACKET_VNET_HDR, so that
 * super-frames and partial checksums pass as they are.
 *
 *   packet_pump INTERFACE INTERFACE      both in the caller's namespace; prints "ready", ends when its parent does
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket's usual buffer holds three super-frames; this is Taploom's size. */
enum { BURST = 64, SOCKET_BUFFER = 16 << 20 };

static void set(int fd, int level, int option, const void *value, socklen_t length)
{
    if (setsockopt(fd, level, option, value, length) < 0) err(1, "socket option %d", option);
}

static int open_interface(const char *name)
{
    int one = 1, room = SOCKET_BUFFER, index = if_nametoindex(name);
    struct packet_mreq all = { .mr_ifindex = index, .mr_type = PACKET_MR_PROMISC };
    struct sockaddr_ll here = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index };
    /* Without a protocol until it is bound, or it would hear all interfaces first. */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || index == 0) err(1, "%s", name);
    set(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one);
    set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    set(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all);
    set(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    set(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0) err(1, "bind to %s", name);
    return fd;
}

int main(int argc, char **argv)
{
    static char frame[10 + 14 + 8 + 65535];
    struct pollfd ends[2];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc != 3) errx(1, "usage: packet_pump INTERFACE INTERFACE");
    for (int i = 0; i < 2; i++) ends[i] = (struct pollfd){ open_interface(argv[1 + i]), POLLIN, 0 };
    puts("ready");
    fflush(stdout);
    while (poll(ends, 2, -1) > 0)
        for (int i = 0; i < 2; i++)
            for (int n = 0; n < BURST && (ends[i].revents & POLLIN); n++) {
                ssize_t length = read(ends[i].fd, frame, sizeof frame);
                if (length <= 0 || write(ends[!i].fd, frame, length) < 0) break;
            }
    err(1, "poll");
}
