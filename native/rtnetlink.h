/* Requests of rtnetlink(7), one after the other on the caller's socket, and their answers: rtnetlink.c. */
#ifndef TAPLOOM_RTNETLINK_H
#define TAPLOOM_RTNETLINK_H

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

#define RTNL_ROOM 32768 /* a link with all its attributes takes about 1.5 kB, with many VFs more */

struct rtnl_message {
    struct nlmsghdr header;
    union {
        struct ifinfomsg link;
        struct ifaddrmsg address;
        struct rtmsg route;
    };
    char attributes[256];
};

void rtnl_start(struct rtnl_message *m, int type, int flags, size_t body);
void rtnl_attribute(struct rtnl_message *m, int type, const void *data, size_t length);

/* Sends and waits for the answer; the kernel works on the sender's time, so it is there at once. */
int rtnl_exchange(int sock, struct rtnl_message *m, char *reply, size_t room);
/* The same, where the answer is only whether it worked. */
int rtnl_command(int sock, struct rtnl_message *m);
/* Asks for a list; `each` is told one of it after the other. */
int rtnl_dump(int sock, struct rtnl_message *m, void (*each)(struct nlmsghdr *, void *), void *context);

#endif
