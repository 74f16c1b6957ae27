/*
 * Messages of a vhost-user front end, one at a time: a header, then exactly its payload, as descriptors come with the
 * first byte of a message. What a message says is TypeScript's business.
 */
#include "taploom.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEADER 12
#define SIZE_AT 8 /* of the payload, in the header */

/* Adds what came with a piece to what the message has already. */
static void keep(int32_t *words, const int32_t *rights)
{
    words[TL_MESSAGE_CUT] |= rights[TL_RIGHTS_CUT];
    for (int n = 0; n < rights[TL_RIGHTS_COUNT]; n++) {
        int32_t fd = rights[TL_RIGHTS_FDS + n];
        if (words[TL_MESSAGE_COUNT] < TL_RIGHTS_MAX) {
            words[TL_MESSAGE_FDS + words[TL_MESSAGE_COUNT]++] = fd;
        } else {
            words[TL_MESSAGE_CUT] = 1;
            close(fd);
        }
    }
}

static uint32_t wanted(const uint8_t *message, uint32_t used)
{
    uint32_t size;
    if (used < HEADER) return HEADER - used;
    memcpy(&size, message + SIZE_AT, sizeof size);
    return size - (used - HEADER);
}

int tl_vhost_message(int fd, uint8_t *message, int room, int32_t *words, int patience)
{
    int32_t rights[TL_RIGHTS_WORDS];
    for (;;) {
        uint32_t used = (uint32_t)words[TL_MESSAGE_USED], more = wanted(message, used);
        if (more == 0 || more > (uint32_t)room - used) return 1; /* whole, or longer than any: the caller sees that */
        int n = tl_rights_receive(fd, message + used, (int)more, rights);
        if (n > 0) {
            keep(words, rights);
            words[TL_MESSAGE_USED] += n;
        } else if (n == -EAGAIN && patience > 0) {
            struct pollfd one = { .fd = fd, .events = POLLIN };
            struct timespec time = { .tv_nsec = patience * 1000L };
            ppoll(&one, 1, &time, NULL);
            patience = 0;
        } else {
            return n;
        }
    }
}
