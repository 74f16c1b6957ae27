/*
 * Descriptors that go with a thread. worker_threads can end at any moment, by terminate() even without a last line of
 * JavaScript, and the process lives on: what such a thread opened and has not closed is closed here.
 */
#include "taploom.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct owned {
    int count, room;
    int *fds;
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int failed;

static void release(void *pointer)
{
    struct owned *owned = pointer;
    for (int i = 0; i < owned->count; i++) close(owned->fds[i]);
    free(owned->fds);
    free(owned);
}

static void create(void) { failed = pthread_key_create(&key, release); }

static struct owned *mine(void)
{
    pthread_once(&once, create);
    if (failed) return NULL;
    struct owned *owned = pthread_getspecific(key);
    if (owned) return owned;
    owned = calloc(1, sizeof *owned);
    if (owned && pthread_setspecific(key, owned) != 0) {
        free(owned);
        return NULL;
    }
    return owned;
}

int tl_own(int fd)
{
    struct owned *owned = mine();
    if (!owned) return -ENOMEM;
    if (owned->count == owned->room) {
        int room = 2 * owned->room + 16;
        int *fds = realloc(owned->fds, (size_t)room * sizeof *fds);
        if (!fds) return -ENOMEM;
        owned->fds = fds;
        owned->room = room;
    }
    owned->fds[owned->count++] = fd;
    return 0;
}

int tl_disown(int fd)
{
    struct owned *owned = mine();
    for (int i = 0; owned && i < owned->count; i++) {
        if (owned->fds[i] != fd) continue;
        owned->fds[i] = owned->fds[--owned->count];
        break;
    }
    return 0;
}
