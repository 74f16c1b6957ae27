/* Segmentation in the way of a network card, into datagrams of a tunnel: segment.c. */
#ifndef TAPLOOM_SEGMENT_H
#define TAPLOOM_SEGMENT_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define SEGMENTS_MAX 64         /* UDP_MAX_SEGMENTS of kernels before 6.9; newer ones take 128 */
#define SEGMENT_HEADER_MAX 640  /* tunnel header, two tags more, and 512 bytes of headers inside */

struct tl_burst;
struct segments {
    uint8_t headers[SEGMENTS_MAX * SEGMENT_HEADER_MAX];
    struct iovec pieces[2 * SEGMENTS_MAX];
    int count;
    int length;                 /* of each but the last */
};

/* Sends the super-frame of a row of kind TL_KIND_SEGMENTS; returns bytes sent or -errno. */
int32_t segments_transmit(struct tl_burst *b, int32_t *row);

#endif
