/*
 * pump: what a C program that does nothing but copy can reach between two TAPs. Opens both as Taploom does, and moves
 * frames both ways without looking at them.
 *
 *   pump OFFLOADS NETNS TAP NETNS TAP [...]     joins first and second, third and fourth ...; OFFLOADS 0 or 1
 *
 * Prints "ready"; ends when its parent does.
 */
#include "tap.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

enum { BURST = 64, MAX_TAPS = 64, ALL_OFFLOADS = 0x67 };

int main(int argc, char **argv)
{
    static char frame[12 + 14 + 8 + 65535];
    struct pollfd taps[MAX_TAPS];
    int count = (argc - 2) / 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc < 6 || argc % 4 != 2 || count > MAX_TAPS) errx(1, "usage: pump OFFLOADS NETNS TAP NETNS TAP [...]");
    unsigned long offloads = atoi(argv[1]) ? ALL_OFFLOADS : 0;
    for (int i = 0; i < count; i++)
        taps[i] = (struct pollfd){ open_tap(argv[2 + 2 * i], argv[3 + 2 * i], offloads), POLLIN, 0 };
    say_ready();
    while (poll(taps, count, -1) > 0)
        for (int i = 0; i < count; i++)
            for (int n = 0; n < BURST && (taps[i].revents & POLLIN); n++) {
                ssize_t length = read(taps[i].fd, frame, sizeof frame);
                /* What the other side does not take is lost, as on any wire. */
                if (length <= 0 || write(taps[i ^ 1].fd, frame, length) < 0) break;
            }
    err(1, "poll");
}
