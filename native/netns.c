/* Acting in another network namespace without moving the calling thread there; see taploom.h. */
#include "taploom.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct visit {
    int netns;
    int (*act)(void *);
    void *argument;
    int result;
};

static void *visit(void *pointer)
{
    struct visit *v = pointer;
    v->result = setns(v->netns, CLONE_NEWNET) < 0 ? -errno : v->act(v->argument);
    return NULL;
}

int tl_netns_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for a writer */
    if (fd < 0) return -errno;
    if (ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET) return fd;
    close(fd); /* another file: said here, where the name is known, not at the first use */
    return -EINVAL;
}

int tl_in_netns(int netns, int (*act)(void *), void *argument)
{
    if (netns < 0) return act(argument);
    struct visit v = { .netns = netns, .act = act, .argument = argument };
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited: no handler of the program runs over there */
    int error = pthread_create(&thread, NULL, visit, &v);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) return -error;
    pthread_join(thread, NULL);
    return v.result;
}

struct request {
    int domain, type, protocol;
};

static int open_socket(void *pointer)
{
    struct request *r = pointer;
    int fd = socket(r->domain, r->type | SOCK_CLOEXEC, r->protocol);
    return fd < 0 ? -errno : fd;
}

int tl_socket_in(int netns, int domain, int type, int protocol)
{
    struct request r = { domain, type, protocol };
    return tl_in_netns(netns, open_socket, &r);
}
