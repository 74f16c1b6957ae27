/*
 * The system calls that Node does not offer, without policy: every function does what its name says, once, and
 * returns >= 0 or -errno. Decisions and headers are TypeScript's business. Reached only from src/sys/.
 *
 * Results that are more than one number go to arrays of the caller, whose words are numbered here and, with the same
 * names, in the TypeScript file that calls.
 */
#ifndef TAPLOOM_H
#define TAPLOOM_H

#include <stddef.h>
#include <stdint.h>

/* Raised whenever a signature or a word number changes; src/sys/native.ts refuses a library of another number. */
#define TL_VERSION 21
int tl_version(void);

/* fd.c */
int tl_close(int fd);
int tl_dup(int fd);
int tl_own(int fd);      /* it is closed when this thread ends, unless tl_disown comes before */
int tl_disown(int fd);
/* flock(2), exclusive, without waiting: 1 = taken, 0 = somebody else has it */
int tl_lock(int fd);

/* peer.c: out words of tl_peer_credentials */
enum { TL_PEER_PID, TL_PEER_UID, TL_PEER_GID, TL_PEER_WORDS };
int tl_peer_credentials(int fd, int32_t *words);
int tl_peer_groups(int fd, int32_t *gids, int room);

/* unix.c: stream sockets */
int tl_unix_listen(const char *path, int mode);             /* of the socket's file */
int tl_unix_accept(int fd);
int tl_unix_connect(const char *path);
int tl_unix_pair(int32_t *fds);

/* rights.c: words of tl_rights_receive: how many descriptors, whether something did not fit, and their numbers */
enum { TL_RIGHTS_MAX = 253, TL_RIGHTS_COUNT = 0, TL_RIGHTS_CUT, TL_RIGHTS_FDS, TL_RIGHTS_WORDS = TL_RIGHTS_FDS + TL_RIGHTS_MAX };
int tl_rights_send(int fd, const uint8_t *bytes, int length, const int32_t *fds, int count);
int tl_rights_receive(int fd, uint8_t *bytes, int room, int32_t *words);

/* memory.c: in and out words of tl_memory_map, in bytes */
enum { TL_MEMORY_SIZE, TL_MEMORY_OFFSET, TL_MEMORY_ADDRESS, TL_MEMORY_WORDS };
int tl_memfd_create(const char *name);
int tl_memory_map(int fd, uint64_t *words);
int tl_memory_leave(const uint64_t *words);                  /* the pages go, the addresses stay */

/* user.c: a name of the user or group database to its number */
int tl_user_id(const char *name);
int tl_group_id(const char *name);

/*
 * netns.c. setns() moves a thread, and coming back may be forbidden (a user namespace may own the target but not the
 * origin). So the calling thread never moves: a short-lived thread of its own goes there, acts, and ends.
 * netns < 0 means "here", on the calling thread.
 */
int tl_netns_open(const char *path);
int tl_in_netns(int netns, int (*act)(void *), void *argument);
int tl_socket_in(int netns, int domain, int type, int protocol);

/* tap.c */
enum { TL_TAP_STAGE, TL_TAP_FLAGS, TL_TAP_WORDS };           /* out words of tl_tap_attach and tl_tap_query */
enum { TL_TAP_STAGE_OPEN = 1, TL_TAP_STAGE_ATTACH, TL_TAP_STAGE_QUERY };
int tl_tap_attach(int netns, const char *name, int flags, char *actual, int32_t *words);
int tl_tap_query(int fd, char *actual, int32_t *words);
int tl_tap_set_header(int fd, int bytes);
int tl_tap_set_offload(int fd, int bits);
int tl_tap_reset(int fd);
int tl_tap_set_persist(int fd, int on);
int tl_tap_set_owner(int fd, int uid);
int tl_tap_set_group(int fd, int gid);
int tl_tap_up(int32_t *fds, int count);
int tl_tap_netns(int fd);
int tl_set_nonblocking(int fd);
int tl_set_blocking(int fd);                                 /* of the open file, so for everybody who has it */

/* link.c: rtnetlink on a socket from tl_socket_in(netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) */
enum { TL_LINK_INDEX, TL_LINK_FLAGS, TL_LINK_MTU, TL_LINK_MASTER, TL_LINK_TYPE, TL_LINK_QUEUE, TL_LINK_TX_QUEUES, TL_LINK_WORDS };
enum { TL_LINK_STATS = 12 };                                 /* leading fields of struct rtnl_link_stats64 */
enum { TL_LINK_KIND = 0, TL_LINK_NAME = 16, TL_LINK_ALIAS = 32, TL_LINK_TEXTS = 288, TL_LINK_ALIAS_MAX = 200 };
int tl_link_prepare(int sock);
int tl_link_socket_of_tap(int tap);
int tl_link_of_tap(int tap, int32_t *words, double *stats, uint8_t *mac, char *texts);
int tl_link_get(int sock, const char *name, int32_t *words, double *stats, uint8_t *mac, char *texts);
int tl_link_at(int sock, int index, int32_t *words, double *stats, uint8_t *mac, char *texts);
int tl_link_set_mtu(int sock, const char *name, int mtu);
int tl_link_set_gso_max(int sock, const char *name, int bytes);
int tl_link_set_mac(int sock, const char *name, const uint8_t *mac);
int tl_link_set_alias(int sock, const char *name, const char *alias);
int tl_link_set_flag(int sock, const char *name, int flag, int on);   /* IFF_UP, IFF_NOARP */
int tl_link_set_netns(int sock, const char *name, int netns);
int tl_link_hand_over(int sock, int index, int netns, const char *name); /* moved and renamed in one step */
int tl_link_remove(int sock, const char *name);
int tl_link_remove_at(int sock, int index);
int tl_link_dump(int sock, const char *kind);
int tl_link_dump_next(int sock, uint8_t *out, int room);
int tl_link_address(int sock, int index, const char *address, int prefix, int on);
/* Remote (or group) of a VXLAN device, 4 or 16 bytes: their number; 0 = it has none. */
int tl_link_vxlan_remote(int sock, int index, uint8_t *remote);

/* group.c: many TAPs as one; sockets as for link.c */
int tl_link_group_taps(int sock, const int32_t *taps, int count, int group);
int tl_link_count_group(int sock, int group);
int tl_link_remove_group(int sock, int group);

/* route.c: the configured route to an address of 4 or 16 bytes: `from` is the sender's. */
enum { TL_ROUTE_PREFIX, TL_ROUTE_MTU, TL_ROUTE_DEVICES, TL_ROUTE_DEVICE, TL_ROUTE_WORDS = 3 + 8 };
int tl_route_get(int sock, const uint8_t *to, const uint8_t *from, int length, int32_t *words);

/* udp.c */
enum {
    TL_UDP_TTL, TL_UDP_TOS, TL_UDP_CHECKSUM, TL_UDP_RECEIVE, TL_UDP_REUSE_PORT, TL_UDP_SEND_BUFFER,
    TL_UDP_RECEIVE_BUFFER, TL_UDP_TRAINS, TL_UDP_WORDS
};
int tl_sockaddr(const char *address, int port, uint8_t *out);
int tl_udp_open(int netns, const uint8_t *sockaddr, int length, const int32_t *options);
int tl_udp_port(int fd);
int tl_udp_drops(int fd);
int tl_too_big_open(int netns);

/* packet.c: a packet socket on an interface; `index` belongs to the namespace */
int tl_packet_open(int netns, int index, int buffer);
int tl_packet_filter(int fd, const int32_t *ranges, int count, int untagged);
int tl_packet_drops(int fd);

/* nft.c: on a socket from tl_socket_in(netns, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) */
/* `tags` (TPID << 16 | VID) are not dropped: they belong to VLAN devices on the interface. */
int tl_nft_drop_ingress(int sock, const char *table, const char *device, int again, const uint32_t *tags, int count);
int tl_nft_forward_ingress(int sock, const char *table, const char *device, int index);

/* netlink.c: sockets as for link.c, prepared, or of NETLINK_NETFILTER; `failed`: sequence number of the message that was refused */
int tl_nft_batch(int sock, const uint8_t *bytes, int length, int32_t *failed);
int tl_netlink_ask(int sock, const uint8_t *request, int length);

/* iptables.c: NF_DROP (0) or NF_ACCEPT (1), of chain FORWARD of table filter, which the call makes if it is not there */
int tl_iptables_forward_policy(int netns, int family);

/*
 * stream.c: what a connected byte stream needs beside its descriptor, and a datagram socket may have, whose frames can wait
 * then: `open` before a worker is told of it, `close` after all have forgotten it. Neither touches the descriptor.
 */
int tl_stream_open(int fd);
int tl_stream_close(int fd);

/* socket.c: non-blocking sockets of virtual machines and their like */
int tl_socket_listen(const char *path, int type, int mode, int uid, int gid);   /* -1: as it is */
int tl_socket_connect(const char *path, int type);
int tl_socket_reconnect(int fd, const char *path);             /* a datagram socket; "" to where it is: is that there? */
int tl_socket_inet(const uint8_t *local, int local_length, const uint8_t *remote, int remote_length, int type);
int tl_socket_error(int fd);                                 /* pending errno, which that clears */
int tl_socket_greet(int fd, const uint8_t *bytes, int length);
int tl_socket_meet(int fd, const uint8_t *greeting, int length);

/* wake.c */
int tl_wake_create(void);

/* News of the kernel for the control plane: returns what to watch with; end is a stream's, which gets a byte when there is something. */
int tl_watch_open(int32_t *end);
int tl_watch_open_fast(int32_t *end);                        /* without a pause between two bytes, for dialogues */
int tl_watch_add(int watch, int fd);
int tl_watch_remove(int watch, int fd);
int tl_watch_routes(int netns, int groups);                  /* an rtnetlink socket of RTMGRP_* */
int tl_pidfd_open(int pid);
/* Records {fd, length or -errno, bytes, padding to 4} of what there is; a pidfd has -ENOTSOCK once, when its process ends. */
int tl_watch_read(int watch, uint8_t *out, int room);
/* Of sockets, beside those: tells once that one can be read, or with `write` written, until it is armed anew. */
int tl_watch_arm(int watch, int fd, int write);
int tl_watch_ready(int watch, int32_t *fds, int room);       /* descriptors that have something: how many */
int tl_wake_signal(const int32_t *fd);

/* vhost_control.c: the back end of a guest's device, a small number. Queue 2n is from the switch to the guest, 2n + 1 back. */
enum { TL_VHOST_WAIT_FD, TL_VHOST_ALARM_FD };
enum { TL_VHOST_KICK, TL_VHOST_CALL, TL_VHOST_ERR };
enum { TL_VHOST_REGION_GUEST, TL_VHOST_REGION_SIZE, TL_VHOST_REGION_USER, TL_VHOST_REGION_OFFSET, TL_VHOST_REGION_WORDS };
enum { TL_VHOST_RING_NUM, TL_VHOST_RING_BASE, TL_VHOST_RING_DESC, TL_VHOST_RING_AVAIL, TL_VHOST_RING_USED };
enum { TL_VHOST_RUNNING, TL_VHOST_BROKEN, TL_VHOST_FRAMES, TL_VHOST_FULL, TL_VHOST_CALLS, TL_VHOST_STATE_WORDS };
int tl_vhost_open(int pairs);
int tl_vhost_close(int device);                       /* when no worker has it any more */
int tl_vhost_fds(int device, int32_t *words);
int tl_vhost_set_features(int device, const uint64_t *features);
int tl_vhost_set_memory(int device, const uint64_t *regions, const int32_t *fds, int count); /* in place of what there was */
int tl_vhost_add_memory(int device, const uint64_t *region, int fd);
int tl_vhost_remove_memory(int device, const uint64_t *region);
int tl_vhost_set_log(int device, const uint64_t *words, int fd); /* of dirty pages: size and offset in the file; fd < 0: none */
int tl_vhost_set_ring(int device, int queue, const uint64_t *words);
int tl_vhost_set_fd(int device, int queue, int which, int fd); /* which is the device's from here on; -1 = none */
int tl_vhost_start(int device, int queue);
int tl_vhost_stop(int device, int queue, int32_t *at); /* where the ring goes on: see GET_VRING_BASE */
int tl_vhost_enable(int device, int queue, int on);
int tl_vhost_announce(int device, const uint8_t *mac); /* the guest has moved here: a RARP frame as if it had sent it */
int tl_vhost_take_alarm(int device);                  /* its eventfd is readable no longer */
int tl_vhost_states(int device, double *words);       /* a row of TL_VHOST_STATE_WORDS for each queue */

/* vhost_message.c: words of the message that is being read; whoever has taken it sets the first three to 0 */
enum { TL_MESSAGE_USED, TL_MESSAGE_COUNT, TL_MESSAGE_CUT, TL_MESSAGE_FDS };
/* 1: it is there; 0: the connection is over. Waits once, at most `patience` us (below a second), if nothing has come. */
int tl_vhost_message(int fd, uint8_t *message, int room, int32_t *words, int patience);

/*
 * tester.c: a generator and a receiver of test frames on AF_PACKET sockets, each task in a thread of its own. A task is
 * a small number; it must be closed. Times are seconds, latencies nanoseconds.
 */
enum {
    TL_TEST_RATE, TL_TEST_SECONDS, TL_TEST_LIMIT, TL_TEST_TAG,                                  /* rate 0: flat out */
    TL_TEST_SOURCES, TL_TEST_DESTINATIONS, TL_TEST_PLAN_WORDS
};
enum { TL_TEST_SENT, TL_TEST_REFUSED, TL_TEST_ELAPSED, TL_TEST_SLIPPED };                       /* of a sender */
enum {                                                                                          /* of a receiver */
    TL_TEST_RECEIVED, TL_TEST_DUPLICATES, TL_TEST_REORDERED, TL_TEST_STRAYS, TL_TEST_OVERRUN, TL_TEST_BACKWARDS,
    TL_TEST_LATENCY_MIN, TL_TEST_LATENCY_MAX, TL_TEST_LATENCY_SUM,
    TL_TEST_ERRNO, TL_TEST_RESULT_WORDS
};
enum { TL_TEST_FRAME_MAX = 65549, TL_TEST_SUB_BUCKETS = 64, TL_TEST_BUCKETS = TL_TEST_SUB_BUCKETS * 36 };
int tl_test_socket(int netns, int ifindex, int receive);
int tl_test_send(int fd, const double *plan, const uint8_t *frame, int length);
int tl_test_receive(int fd, const double *plan);
int tl_test_stop(int task);
int tl_test_poll(int task, double *result, double *histogram);  /* 1 = done; 0 = only the number of frames so far */
int tl_test_close(int task);
int tl_test_bucket(double nanoseconds);

/* notify.c: 1 = sent, 0 = nobody asked */
int tl_notify(const char *path, const char *state);

/*
 * call.c: the hot path. Everything is reached through one constant pointer, so that a call
 * from TypeScript has no argument to convert. All memory but `state` belongs to the caller and to its thread.
 */
enum {
    TL_SLOTS, TL_STRIDE, TL_HEADROOM, TL_HEADER, TL_BYTES, TL_EVENT_CAPACITY, TL_TX_CAPACITY,       /* constant */
    TL_FIRST, TL_LIMIT, TL_TIMEOUT,                                                                  /* receive in */
    TL_EVENT_COUNT,                                                                                  /* receive out */
    TL_TX_COUNT,                                                                                     /* transmit in */
    TL_FD, TL_SOURCE, TL_KIND,                                                                       /* add, remove */
    TL_URING,                                                        /* open in: wanted, out: there; io_uring for TAPs */
    TL_JOIN_AT, TL_JOIN_STRIDE, TL_JOIN_COUNT, TL_JOIN_L3, TL_JOIN_L4, TL_JOIN_HEADER, TL_JOIN_SIZE, TL_JOIN_LAST,
    TL_JOIN_PSEUDO,                                                                                  /* join */
    TL_CALL,                                                                                         /* what to do */
    TL_OWED,                                                                                         /* open in */
    TL_DEVICE,                                                                                       /* add: of KIND_VHOST */
    TL_WORDS = 28
};
enum { TL_NOW, TL_WAITED_FROM,                               /* clock, CLOCK_MONOTONIC in ms */
       TL_WAKE_AT };                                         /* no wait goes on beyond it; 0 = none */
enum { TL_KIND_TAP = 1, TL_KIND_UDP, TL_KIND_WAKE, TL_KIND_PACKET, TL_KIND_SEGMENTS,
       TL_KIND_TUNNEL_TAP,                                   /* add only: a TAP with the header of UDP tunnels, 24 bytes */
       TL_KIND_VHOST,                                        /* a guest's rings: its fd in add, its device in TL_TX_FD */
       TL_KIND_STREAM, TL_KIND_PACKETS, TL_KIND_DATAGRAMS }; /* connected sockets: see stream.c and messages.c */
enum { TL_RX_SOURCE, TL_RX_LENGTH, TL_RX_FLAGS, TL_RX_TOS, TL_RX_FAMILY, TL_RX_PORT, TL_RX_ADDRESS, TL_RX_SCOPE = 10,
       TL_RX_TRAIN };
enum { TL_RX_TRUNCATED = 1, TL_RX_TAGGED = 2,               /* TAGGED: the frame begins 4 bytes earlier */
       TL_RX_LOST = 4 };                                     /* no frame: the kernel could not hand it over */
enum {
    TL_TX_FD, TL_TX_KIND, TL_TX_PIECES, TL_TX_PIECE, TL_TX_SOCKADDR = 9, TL_TX_SOCKADDR_LENGTH, TL_TX_TOS, TL_TX_RESULT,
    TL_TX_SEGMENT, TL_TX_LAYERS, TL_TX_UDP_SEGMENT               /* TL_KIND_SEGMENTS */
};
enum { TL_ROW = 16, TL_PIECES = 3 };

struct tl_burst_state;
struct tl_burst {
    uint8_t *bytes;   /* slots, then room for headers and segments */
    int32_t *rx;      /* a row for each slot */
    int32_t *tx;      /* a row for each entry */
    int32_t *events;  /* pairs of source and errno; 0 = woken, otherwise the fd is out of the epoll set */
    int32_t *words;
    double *clock;
    int32_t *owed;    /* by source below TL_OWED: what its frames cost beyond being read, to be taken from its share */
    struct tl_burst_state *state;
};
/* One function for all, so that the way from TypeScript to it is in the cache for the second call of a poll. */
enum { TL_CALL_OPEN, TL_CALL_CLOSE, TL_CALL_ADD, TL_CALL_REMOVE, TL_CALL_RECEIVE, TL_CALL_TRANSMIT, TL_CALL_JOIN };
int tl_burst_call(struct tl_burst *b);
int tl_nothing(void *context);                               /* what a hot call costs */

#endif
