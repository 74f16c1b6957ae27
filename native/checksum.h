/*
 * The ones' complement sum of RFC 1071, in the byte order of memory: it comes out the same whichever way the words are
 * read, as long as the result is stored the way it was read (section 2 B). Only the last range of a chain may be odd.
 */
#ifndef TAPLOOM_CHECKSUM_H
#define TAPLOOM_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t sum_fold(uint64_t sum)
{
    sum = (sum >> 32) + (uint32_t)sum;
    sum = (sum >> 32) + (uint32_t)sum;
    uint32_t folded = (uint32_t)(sum >> 16) + (uint16_t)sum;
    return (uint16_t)((folded >> 16) + folded);
}

/*
 * Adds `length` bytes to `sum`, which stays below 2^33 per 4 GiB: no carry is ever lost in 64 bits. 32-bit words into
 * four accumulators, which the compiler makes vectors of.
 */
static inline uint64_t sum_add(const void *from, size_t length, uint64_t sum)
{
    const uint8_t *at = from;
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (; length >= 32; length -= 32, at += 32) {
        uint64_t w[4];
        memcpy(w, at, sizeof w);
        a += (uint32_t)w[0];
        b += w[0] >> 32;
        c += (uint32_t)w[1];
        d += w[1] >> 32;
        a += (uint32_t)w[2];
        b += w[2] >> 32;
        c += (uint32_t)w[3];
        d += w[3] >> 32;
    }
    sum += a + b + c + d;
    for (; length >= 2; length -= 2, at += 2) {
        uint16_t word;
        memcpy(&word, at, sizeof word);
        sum += word;
    }
    if (length) {
        uint8_t last[2] = { *at, 0 };
        uint16_t word;
        memcpy(&word, last, sizeof word);
        sum += word;
    }
    return sum;
}

/* A checksum field's value; 0 is spelled 0xffff, since it means "none" to UDP and both verify (as in Linux). */
static inline uint16_t sum_finish(uint64_t sum)
{
    uint16_t field = (uint16_t)~sum_fold(sum);
    return field ? field : 0xffff;
}

#endif
