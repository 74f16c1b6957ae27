/*
 * load: UDP traffic for the benches, in C, so that the measurement is not limited by its own ends. Prints a line of JSON.
 *   load send ADDRESS PORT SIZE SECONDS RATE [COUNT STEP]   RATE a second (0: all it can), to COUNT addresses in turns
 *   load bulk ADDRESS PORT SIZE SECONDS MBITS [TOS] the same in trains of 1 ms (UDP_SEGMENT), at a rate of bytes on the wire
 *   load receive PORT                               "ready", then counts until SIGTERM; tells when the first came (s since 1970)
 *   load ask ADDRESS SECONDS INTERVAL_US            one ICMP echo request at a time; a lost one counts as what was waited for it
 *   load propose INTERFACE HEX SECONDS INTERVAL_US  the same with a RST BPDU, all of its frame, and the agreement to it
 *
 * SIZE is the UDP payload. `ask` and `propose` run before everybody else (SCHED_FIFO), not to time how they wait for a CPU.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BURST = 32, MAX_SIZE = 9000, SOCKET_BUFFER = 16 << 20, LOOK_US = 500, ANSWER_TIMEOUT_MS = 200, MAX_SAMPLES = 4 << 20 };

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static double clock_of(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static double now(void)
{
    return clock_of(CLOCK_MONOTONIC);
}

static void sleep_until(double when)
{
    struct timespec t = { .tv_sec = (time_t)when, .tv_nsec = (long)((when - (time_t)when) * 1e9) };
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void say_ready(void)
{
    puts("ready");
    fflush(stdout);
}

static int open_socket(void)
{
    int room = SOCKET_BUFFER, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) err(1, "socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    return fd;
}

static int connected(const char *address, const char *port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
    int fd = open_socket();
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) errx(1, "%s is not an address", address);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) err(1, "connect");
    return fd;
}

static int bound(const char *port)
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
    int fd = open_socket();
    if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0) err(1, "bind");
    return fd;
}

/* BURST messages, all of one buffer to send, of one each to receive. */
static void prepare(struct mmsghdr *messages, struct iovec *pieces, char *buffer, size_t length, size_t stride)
{
    for (int i = 0; i < BURST; i++) {
        pieces[i] = (struct iovec){ buffer + i * stride, length };
        messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &pieces[i], .msg_iovlen = 1 } };
    }
}

/* The next BURST addresses of `count`, which go round. */
static void aim(struct sockaddr_in *to, uint32_t first, unsigned count, unsigned step, uint64_t sent)
{
    for (int i = 0; i < BURST; i++) to[i].sin_addr.s_addr = htonl(first + (uint32_t)((sent + i) % count) * step);
}

static void send_for(const char *address, const char *port, int size, double seconds, double rate, int count, int step)
{
    static char payload[MAX_SIZE];
    struct mmsghdr messages[BURST];
    struct iovec pieces[BURST];
    uint64_t sent = 0;
    if (size < 0 || size > MAX_SIZE) errx(1, "SIZE is at most %d", MAX_SIZE);
    struct sockaddr_in to[BURST];
    int fd = count > 1 ? open_socket() : connected(address, port);
    uint32_t first = ntohl(inet_addr(address));
    prepare(messages, pieces, payload, size, 0);
    for (int i = 0; i < BURST && count > 1; i++) {
        to[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
        messages[i].msg_hdr.msg_name = &to[i];
        messages[i].msg_hdr.msg_namelen = sizeof to[i];
    }
    double started = now(), end = started + seconds;
    while (now() < end) {
        if (rate > 0) sleep_until(started + sent / rate);
        if (count > 1) aim(to, first, count, step, sent);
        int n = sendmmsg(fd, messages, rate > 0 ? 1 : BURST, 0);
        if (n > 0) sent += n;
        /* A full device queue and a receiver that is not there yet are losses, not errors. */
        else if (errno != ENOBUFS && errno != ECONNREFUSED && errno != EAGAIN) err(1, "send");
    }
    printf("{\"sent\":%llu,\"seconds\":%.6f}\n", (unsigned long long)sent, now() - started);
}

/* Ethernet, IPv4 and UDP. */
enum { HEADERS = 42, MOST_SEGMENTS = 44 };

static void bulk(int fd, int size, double seconds, double mbits, int tos)
{
    static char payload[65507];
    double rate = mbits * 1e6 / 8 / (size + HEADERS), started, end;
    int segments = (int)(rate / 1000);
    uint64_t sent = 0;
    if (size < 1 || size > MAX_SIZE) errx(1, "SIZE is at most %d", MAX_SIZE);
    if (segments > MOST_SEGMENTS) segments = MOST_SEGMENTS;
    if (segments > (int)sizeof payload / size) segments = (int)sizeof payload / size;
    if (segments < 1) segments = 1;
    if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size) < 0) err(1, "UDP_SEGMENT");
    if (setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos) < 0) err(1, "IP_TOS");
    for (started = now(), end = started + seconds; now() < end;) {
        sleep_until(started + sent / rate);
        if (send(fd, payload, (size_t)(segments * size), 0) > 0) sent += segments;
        else if (errno != ENOBUFS && errno != ECONNREFUSED && errno != EAGAIN) err(1, "send");
    }
    printf("{\"sent\":%llu,\"seconds\":%.6f}\n", (unsigned long long)sent, now() - started);
}

static void receive(int fd)
{
    static char payload[BURST * MAX_SIZE];
    struct mmsghdr messages[BURST];
    struct iovec pieces[BURST];
    uint64_t received = 0;
    prepare(messages, pieces, payload, MAX_SIZE, MAX_SIZE);
    signal(SIGTERM, stop);
    say_ready();
    for (;;) {
        int n = recvmmsg(fd, messages, BURST, MSG_DONTWAIT, NULL);
        if (n > 0 && received == 0) {
            printf("first %.6f\n", clock_of(CLOCK_REALTIME));
            fflush(stdout);
        }
        if (n > 0) received += n;
        /* What arrived before the signal still counts. */
        else if (stopped) break;
        /* Waiting for the next would make the switch wake us for each frame, at its expense. */
        else usleep(LOOK_US);
    }
    printf("{\"received\":%llu}\n", (unsigned long long)received);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* RFC 1071. Of our own echo request, an even number of bytes. */
static uint16_t checksum(const void *data, size_t length)
{
    const uint16_t *words = data;
    uint32_t sum = 0;
    for (size_t n = 0; n < length / 2; n++) sum += words[n];
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~(sum + (sum >> 16));
}

static int open_icmp(const char *address)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) errx(1, "%s is no IPv4 address", address);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) err(1, "%s", address);
    return fd;
}

/* Of one question at a time. */
struct dialogue {
    int fd;
    uint8_t question[64];
    size_t length;
    void (*renew)(struct dialogue *);
    int (*is_answer)(const struct dialogue *, const uint8_t *packet, size_t length);
};

static void renew_echo(struct dialogue *one)
{
    struct icmphdr echo;
    memcpy(&echo, one->question, sizeof echo);
    echo.un.echo.sequence++;
    echo.checksum = 0;
    echo.checksum = checksum(&echo, sizeof echo);
    memcpy(one->question, &echo, sizeof echo);
}

/* What a raw socket delivers begins with the IP header. */
static int is_echo_reply(const struct dialogue *one, const uint8_t *packet, size_t length)
{
    struct icmphdr question, answer;
    size_t header = length > 0 ? 4 * (size_t)(packet[0] & 15) : 0;
    if (length < header + sizeof answer) return 0;
    memcpy(&question, one->question, sizeof question);
    memcpy(&answer, packet + header, sizeof answer);
    return answer.type == ICMP_ECHOREPLY && answer.un.echo.id == question.un.echo.id &&
           answer.un.echo.sequence == question.un.echo.sequence;
}

static struct dialogue echo(const char *address)
{
    struct dialogue one = { .fd = open_icmp(address), .renew = renew_echo, .is_answer = is_echo_reply };
    struct icmphdr question = { .type = ICMP_ECHO, .un.echo.id = (uint16_t)getpid() };
    one.length = sizeof question;
    memcpy(one.question, &question, sizeof question);
    return one;
}

/* Agreements look all alike: forgets those to earlier questions. */
static void forget_answers(struct dialogue *one)
{
    uint8_t late[128];
    while (recv(one->fd, late, sizeof late, MSG_DONTWAIT) >= 0);
}

/* IEEE 802.1D-2004, 9.3.3: bit 7 of the flags, which lie behind two addresses, length, LLC and the first four bytes. */
static int is_agreement(const struct dialogue *one, const uint8_t *packet, size_t length)
{
    enum { FLAGS_AT = 14 + 3 + 4, AGREEMENT = 0x40 };
    return length > FLAGS_AT && memcmp(packet, one->question, 6) == 0 && (packet[FLAGS_AT] & AGREEMENT) != 0;
}

static struct dialogue proposal(const char *interface, const char *hex)
{
    uint16_t all = htons(ETH_P_ALL);
    struct dialogue one = { .fd = socket(AF_PACKET, SOCK_RAW, all), .renew = forget_answers, .is_answer = is_agreement };
    struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = all, .sll_ifindex = (int)if_nametoindex(interface) };
    if (one.fd < 0 || bind(one.fd, (struct sockaddr *)&at, sizeof at) < 0) err(1, "%s", interface);
    while (one.length < sizeof one.question && sscanf(hex + 2 * one.length, "%2hhx", one.question + one.length) == 1)
        one.length++;
    return one;
}

static void ask(struct dialogue *one, double seconds, double interval)
{
    static double times[MAX_SAMPLES];
    struct sched_param first = { .sched_priority = 1 };
    struct pollfd wait = { .fd = one->fd, .events = POLLIN };
    uint8_t answer[128];
    size_t count = 0, lost = 0;
    if (sched_setscheduler(0, SCHED_FIFO, &first) < 0) err(1, "SCHED_FIFO");
    double sum = 0, started = now(), next = started;
    while (now() < started + seconds && count < MAX_SAMPLES) {
        double sent = now(), took = -1;
        one->renew(one);
        send(one->fd, one->question, one->length, 0);
        /* A late answer to an earlier question does not count. */
        while (took < 0 && poll(&wait, 1, ANSWER_TIMEOUT_MS) > 0) {
            ssize_t length = recv(one->fd, answer, sizeof answer, 0);
            if (length > 0 && one->is_answer(one, answer, (size_t)length)) took = now() - sent;
        }
        if (took < 0) {
            lost++;
            took = ANSWER_TIMEOUT_MS * 1e-3;
        }
        sum += times[count++] = took;
        next = next + interval > now() ? next + interval : now();
        sleep_until(next);
    }
    if (count == lost) errx(1, "no answer");
    qsort(times, count, sizeof *times, by_size);
    printf("{\"samples\":%zu,\"lost\":%zu,\"mean\":%.3f,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}\n", count, lost,
           1e6 * sum / count, 1e6 * times[count / 2], 1e6 * times[count * 99 / 100], 1e6 * times[count - 1]);
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1000); /* ns; the default of 50 us would be half of an interval */
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "send") == 0 && (argc == 7 || argc == 9))
        send_for(argv[2], argv[3], atoi(argv[4]), atof(argv[5]), atof(argv[6]), argc == 9 ? atoi(argv[7]) : 1,
                 argc == 9 ? atoi(argv[8]) : 0);
    else if (strcmp(what, "bulk") == 0 && (argc == 7 || argc == 8))
        bulk(connected(argv[2], argv[3]), atoi(argv[4]), atof(argv[5]), atof(argv[6]), argc == 8 ? atoi(argv[7]) : 0);
    else if (strcmp(what, "receive") == 0 && argc == 3) receive(bound(argv[2]));
    else if (strcmp(what, "ask") == 0 && argc == 5) {
        struct dialogue one = echo(argv[2]);
        ask(&one, atof(argv[3]), atof(argv[4]) / 1e6);
    } else if (strcmp(what, "propose") == 0 && argc == 6) {
        struct dialogue one = proposal(argv[2], argv[3]);
        ask(&one, atof(argv[4]), atof(argv[5]) / 1e6);
    } else {
        errx(1, "send ADDRESS PORT SIZE SECONDS RATE [COUNT STEP] | bulk ADDRESS PORT SIZE SECONDS MBITS [TOS] | receive PORT | ask ADDRESS SECONDS INTERVAL_US | "
                "propose INTERFACE HEX SECONDS INTERVAL_US");
    }
    return 0;
}
