/*
 * taploom-bridge-helper: what `qemu -netdev bridge,br=br0,helper=...` and libvirt call in place of qemu-bridge-helper. It
 * has no rights of its own: taploomd decides who may, opens the TAP, and passes it. Protocol of its callers: qemu-options.hx
 * and net/tap.c of QEMU; of the daemon: src/control/bridge_helper.ts.
 *
 *   QEMU --br=br0 --fd=N-->  this program  --"tap br0 vnet\n"-->      taploomd
 *   QEMU <--the TAP, by N--  this program  <--"ok tap0\n" + the TAP-- taploomd       or "error SENTENCE\n"
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_SOCKET "/run/taploom/taploom.sock"
#define CONTROL_END ".sock"
#define HELPER_END "-bridge.sock"
/* A daemon under load takes milliseconds. */
#define PATIENCE_S 15
#define USAGE "usage: taploom-bridge-helper --br=BRIDGE --fd=UNIX_SOCKET [--use-vnet] [--socket=PATH]"

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fputs("taploom-bridge-helper: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(EXIT_FAILURE);
}

/* Beside the control socket that `taploom` would use: see src/control/socket_path.ts. */
static void find_socket(char *path, size_t room)
{
    const char *control = getenv("TAPLOOM_SOCKET"), *folder = getenv("XDG_RUNTIME_DIR");
    char own[PATH_MAX];
    if (!control || !*control) {
        control = CONTROL_SOCKET;
        snprintf(own, sizeof own, "%s/taploom.sock", folder ? folder : "");
        if (folder && folder[0] == '/' && access(own, F_OK) == 0) control = own;
    }
    size_t length = strlen(control), end = strlen(CONTROL_END);
    if (length >= end && strcmp(control + length - end, CONTROL_END) == 0) length -= end;
    int used = snprintf(path, room, "%.*s%s", (int)length, control, HELPER_END);
    if (used < 0 || (size_t)used >= room) fail("the path of the socket beside %s is too long", control);
}

static int reach(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_sec = PATIENCE_S };
    if (strlen(path) >= sizeof address.sun_path) fail("the path of the socket is too long: %s", path);
    strcpy(address.sun_path, path);
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock < 0) fail("cannot make a socket: %s", strerror(errno));
    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(sock, (struct sockaddr *)&address, sizeof address) == 0) return sock;
    if (errno == ENOENT)
        fail("no socket at %s: taploomd is not running, or none of its bridges has the key bridge_helper", path);
    if (errno == ECONNREFUSED) fail("nobody listens at %s: taploomd is not running", path);
    fail("cannot reach taploomd at %s: %s", path, strerror(errno));
}

/* One line, and with it perhaps a descriptor, which is returned; else -1. */
static int receive(int sock, char *line, size_t room)
{
    int fd = -1;
    size_t length = 0;
    while (length < room - 1 && !memchr(line, '\n', length)) {
        union { char bytes[CMSG_SPACE(sizeof fd)]; struct cmsghdr align; } control;
        struct iovec piece = { line + length, room - 1 - length };
        struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        ssize_t got = recvmsg(sock, &message, MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) fail("taploomd did not answer within %d s", PATIENCE_S);
        if (got < 0) fail("taploomd's answer was lost: %s", strerror(errno));
        if (got == 0) break;
        length += (size_t)got;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof fd))
            memcpy(&fd, CMSG_DATA(c), sizeof fd);
    }
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return fd;
}

/* One byte goes along, because a message without any may be lost. */
static void hand_on(int sock, int fd)
{
    union { char bytes[CMSG_SPACE(sizeof fd)]; struct cmsghdr align; } control;
    char byte = 0;
    struct iovec piece = { &byte, 1 };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    ssize_t sent;
    do sent = sendmsg(sock, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent != 1) fail("cannot pass the TAP through descriptor %d: %s", sock, strerror(errno));
}

static int number(const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < 0 || value > 0x7fffffff) fail("--fd=%s is no descriptor\n" USAGE, text);
    return (int)value;
}

int main(int count, char **arguments)
{
    static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },       { "use-vnet", no_argument, NULL, 'v' },
        { "br", required_argument, NULL, 'b' },   { "fd", required_argument, NULL, 'f' },
        { "socket", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 },
    };
    const char *bridge = NULL;
    char path[PATH_MAX] = "", line[1024];
    int caller = -1, vnet = 0, option;
    while ((option = getopt_long(count, arguments, "", options, NULL)) != -1) {
        switch (option) {
        case 'h': puts(USAGE); return EXIT_SUCCESS;
        case 'v': vnet = 1; break;
        case 'b': bridge = optarg; break;
        case 'f': caller = number(optarg); break;
        case 's': snprintf(path, sizeof path, "%s", optarg); break;
        default: fputs(USAGE "\n", stderr); return EXIT_FAILURE;
        }
    }
    if (!bridge || caller < 0 || optind < count) fail("--br and --fd are needed, and nothing else\n" USAGE);
    /* A longer one, or one of two words, is no interface's name. */
    if (!*bridge || strlen(bridge) > 15 || strpbrk(bridge, " \t\r\n")) fail("\"%s\" is no bridge's name", bridge);
    if (!*path) find_socket(path, sizeof path);

    int daemon = reach(path);
    int length = snprintf(line, sizeof line, "tap %s%s\n", bridge, vnet ? " vnet" : "");
    if (send(daemon, line, (size_t)length, MSG_NOSIGNAL) != length) fail("taploomd closed the connection");
    int tap = receive(daemon, line, sizeof line);
    if (strncmp(line, "error ", 6) == 0) fail("%s", line + 6);
    if (tap < 0 || strncmp(line, "ok ", 3) != 0) fail("taploomd closed the connection before it answered");
    hand_on(caller, tap);
    return EXIT_SUCCESS;
}
