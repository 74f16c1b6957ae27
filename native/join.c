/*
 * What receive offload hardware does to the segments of one stream: checksums are verified, and payloads moved together
 * behind the headers of the first. Which segments belong together, and what the headers then say, is TypeScript's.
 *
 *   before | headers 0 | payload 0 | headers 1 | payload 1 | headers 2 | payload 2 |     a train: every stride bytes
 *   after  | headers 0 | payload 0 | payload 1 | payload 2 |
 */
#include "burst.h"
#include "checksum.h"
#include <errno.h>

static int is_sound(const uint8_t *frame, const int32_t *w, int length)
{
    int l3 = w[TL_JOIN_L3], l4 = w[TL_JOIN_L4], l4_length = w[TL_JOIN_HEADER] - l4 + length;
    if (l3 >= 0 && sum_fold(sum_add(frame + l3, (size_t)(l4 - l3), 0)) != 0xffff) return 0;
    uint64_t pseudo = (uint64_t)htons((uint16_t)w[TL_JOIN_PSEUDO]) + htons((uint16_t)l4_length);
    return sum_fold(sum_add(frame + l4, (size_t)l4_length, pseudo)) == 0xffff;
}

/*
 * TL_JOIN_COUNT frames, the first at TL_JOIN_AT, the next TL_JOIN_STRIDE behind it. Of each: TCP at TL_JOIN_L4, an IPv4
 * header up to there from TL_JOIN_L3 (-1: IPv6, which has no checksum of its own), TL_JOIN_HEADER bytes before the
 * payload, TL_JOIN_SIZE of that, in the last TL_JOIN_LAST. TL_JOIN_PSEUDO is the sum of the pseudo-header without length.
 * Stops at the first frame with a wrong checksum, and returns how many were sound: that many have been joined.
 */
int burst_join(struct tl_burst *b)
{
    const int32_t *w = b->words;
    int64_t at = w[TL_JOIN_AT], stride = w[TL_JOIN_STRIDE], header = w[TL_JOIN_HEADER], size = w[TL_JOIN_SIZE];
    int count = w[TL_JOIN_COUNT], last = w[TL_JOIN_LAST], l4 = w[TL_JOIN_L4];
    if (at < 0 || count < 1 || w[TL_JOIN_L3] >= l4 || l4 < 0 || l4 > header || size < 1 || last < 1 || last > size)
        return -EINVAL;
    if (stride < header + size || at + (count - 1) * stride + header + last > w[TL_BYTES]) return -EINVAL;
    uint8_t *frame = b->bytes + at, *end = frame + header;
    for (int n = 0; n < count; n++, frame += stride) {
        int length = n == count - 1 ? last : (int)size;
        if (!is_sound(frame, w, length)) return n;
        if (n > 0) memmove(end, frame + header, (size_t)length);
        end += length;
    }
    return count;
}
