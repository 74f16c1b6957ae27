// Traffic between two network namespaces for the quickstart and the system tests: ping, and TCP that checks every byte.
//
//   traffic NETNS ping ADDRESS COUNT INTERVAL_MS       one line for each request: milliseconds, or "lost"
//   traffic NETNS pingall WAIT_MS ADDRESS...           one IPv4 request to each at once; the addresses without an answer
//   traffic NETNS receive PORT                         accepts one connection; "BYTES SECONDS" at its end
//   traffic NETNS send ADDRESS PORT SECONDS [CONTROL]  sends for so long, by this congestion control; "BYTES SECONDS"
//
// NETNS is a name under /run/netns, a path, or "-" for the caller's own. Byte i of a stream is pattern[i mod PERIOD], a
// prime; the receiver fails at the first that differs. In C, so that the ends do not limit what is measured.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PERIOD = 65521, CHUNK = 256 * 1024, CONNECT_TRIES = 50 };
static unsigned char pattern[PERIOD + CHUNK];

static void die(const char *what) {
  fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void enter_netns(const char *name) {
  if (strcmp(name, "-") == 0) return;
  char path[512];
  snprintf(path, sizeof path, strchr(name, '/') ? "%s" : "/run/netns/%s", name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) die(path);
  if (setns(fd, CLONE_NEWNET) < 0) die("setns");
  close(fd);
}

static struct addrinfo *resolve(const char *address, const char *port) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found;
  int error = getaddrinfo(address, port, &hints, &found);
  if (error) {
    fprintf(stderr, "traffic: %s: %s\n", address, gai_strerror(error));
    exit(1);
  }
  return found;
}

static void fill_pattern(void) {
  uint32_t state = 1;
  for (int i = 0; i < PERIOD; i++) {
    state = state * 1664525 + 1013904223;
    pattern[i] = state >> 24;
  }
  for (int i = PERIOD; i < PERIOD + CHUNK; i++) pattern[i] = pattern[i - PERIOD];
}

// The Internet checksum of an ICMP message (RFC 792), put into its place.
static void checksum(unsigned char *message, size_t length) {
  uint32_t sum = 0;
  for (size_t i = 0; i < length; i += 2) sum += message[i] << 8 | message[i + 1];
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~(sum + (sum >> 16));
  message[2] = sum >> 8;
  message[3] = sum;
}

static int ping(const char *address, int count, int interval_ms) {
  struct addrinfo *to = resolve(address, NULL);
  int v6 = to->ai_family == AF_INET6;
  int fd = socket(to->ai_family, SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
  if (fd < 0) die("raw socket for ICMP");
  if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) die(address);
  uint16_t id = getpid();
  int lost = 0;
  for (uint16_t sequence = 1; sequence <= count; sequence++) {
    unsigned char request[64] = {v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO, 0};
    uint16_t fields[2] = {htons(id), htons(sequence)};
    memcpy(request + 4, fields, 4);
    if (!v6) checksum(request, sizeof request); // the kernel fills in ICMPv6's
    double sent = now(), took = -1;
    send(fd, request, sizeof request, 0); // an error shows as a lost packet
    for (double left = 1; took < 0 && left > 0; left = sent + 1 - now()) {
      struct pollfd wait = {.fd = fd, .events = POLLIN};
      if (poll(&wait, 1, (int)(left * 1000) + 1) <= 0) continue;
      unsigned char packet[1500];
      ssize_t length = recv(fd, packet, sizeof packet, 0);
      if (length < 0) continue;
      int at = v6 ? 0 : (packet[0] & 15) * 4; // a raw IPv4 socket gives the IP header too
      int is_reply = length >= at + 8 && packet[at] == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY);
      if (is_reply && memcmp(packet + at + 4, fields, 4) == 0) took = now() - sent;
    }
    if (took < 0) lost++, printf("lost\n");
    else printf("%.3f\n", took * 1000);
    fflush(stdout);
    double rest = sent + interval_ms / 1000.0 - now();
    if (sequence < count && rest > 0) usleep((useconds_t)(rest * 1e6));
  }
  return lost > 0;
}

static int ping_all(int wait_ms, int count, char **addresses) {
  int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), left = count, room = 4 << 20;
  if (fd < 0) die("raw socket for ICMP");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room); // every host's answers and requests land here
  uint16_t id = getpid();
  char *answered = calloc(count, 1);
  for (uint16_t i = 0; i < count; i++) {
    struct sockaddr_in to = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, addresses[i], &to.sin_addr) != 1) die(addresses[i]);
    unsigned char request[64] = {ICMP_ECHO, 0};
    uint16_t fields[2] = {htons(id), htons(i)};
    memcpy(request + 4, fields, 4);
    checksum(request, sizeof request);
    sendto(fd, request, sizeof request, 0, (struct sockaddr *)&to, sizeof to);
  }
  for (double end = now() + wait_ms / 1000.0, rest; left > 0 && (rest = end - now()) > 0;) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, (int)(rest * 1000) + 1) <= 0) continue;
    unsigned char packet[1500];
    ssize_t length = recv(fd, packet, sizeof packet, 0);
    int at = (packet[0] & 15) * 4;
    uint16_t fields[2];
    if (length < at + 8 || packet[at] != ICMP_ECHOREPLY) continue;
    memcpy(fields, packet + at + 4, 4);
    uint16_t i = ntohs(fields[1]);
    if (fields[0] == htons(id) && i < count && !answered[i]) answered[i] = 1, left--;
  }
  for (int i = 0; i < count; i++)
    if (!answered[i]) printf("%s\n", addresses[i]);
  return left > 0;
}

static int receive(const char *port) {
  int one = 1, listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) die("socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(port)), .sin6_addr = in6addr_any};
  if (bind(listener, (struct sockaddr *)&any, sizeof any) < 0 || listen(listener, 1) < 0) die("listen");
  printf("listening\n");
  fflush(stdout);
  int fd = accept(listener, NULL, NULL);
  if (fd < 0) die("accept");
  static unsigned char buffer[CHUNK];
  uint64_t total = 0;
  double started = now();
  for (ssize_t length; (length = recv(fd, buffer, sizeof buffer, 0)) != 0; total += length) {
    if (length < 0) die("recv");
    if (memcmp(buffer, pattern + total % PERIOD, length) != 0) {
      fprintf(stderr, "traffic: corrupted data after byte %llu\n", (unsigned long long)total);
      return 2;
    }
  }
  printf("%llu %.6f\n", (unsigned long long)total, now() - started);
  return 0;
}

static int send_for(const char *address, const char *port, double seconds, const char *control) {
  struct addrinfo *to = resolve(address, port);
  int fd = -1;
  for (int tries = 0; fd < 0; tries++) { // the receiver may still be on its way to listen()
    fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    if (control != NULL && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, control, strlen(control)) < 0) die(control);
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0) break;
    if (errno != ECONNREFUSED || tries == CONNECT_TRIES) die("connect");
    close(fd);
    fd = -1;
    usleep(20 * 1000);
  }
  uint64_t total = 0;
  double started = now(), end = started + seconds;
  while (now() < end) {
    // Some seconds without progress mean a stalled connection, not a slow one.
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    if (poll(&wait, 1, 5000) == 0) {
      fprintf(stderr, "traffic: stalled after %llu bytes\n", (unsigned long long)total);
      return 3;
    }
    ssize_t length = send(fd, pattern + total % PERIOD, CHUNK, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (length < 0 && errno != EAGAIN) die("send");
    if (length > 0) total += length;
  }
  printf("%llu %.6f\n", (unsigned long long)total, now() - started);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: traffic NETNS ping ADDRESS COUNT INTERVAL_MS | pingall WAIT_MS ADDRESS... |\n"
            "       receive PORT | send ADDRESS PORT SECONDS [CONTROL]\n");
    return 1;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL); // nobody would read the result, and a ping goes on for ever
  enter_netns(argv[1]);
  fill_pattern();
  const char *command = argv[2];
  if (strcmp(command, "ping") == 0 && argc == 6) return ping(argv[3], atoi(argv[4]), atoi(argv[5]));
  if (strcmp(command, "pingall") == 0 && argc > 4) return ping_all(atoi(argv[3]), argc - 4, argv + 4);
  if (strcmp(command, "receive") == 0 && argc == 4) return receive(argv[3]);
  if (strcmp(command, "send") == 0 && (argc == 6 || argc == 7)) {
    return send_for(argv[3], argv[4], atof(argv[5]), argc == 7 ? argv[6] : NULL);
  }
  fprintf(stderr, "traffic: unknown command or wrong number of arguments: %s\n", command);
  return 1;
}
