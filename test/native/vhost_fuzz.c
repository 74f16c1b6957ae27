/*
 * Guests that write whatever they like into their memory, at any time, against the native code that walks their rings: built
 * with AddressSanitizer, without Node.
 *
 *   this thread: bursts     a guest: writes into rings     a front end: mappings, rings, features, and cuts its files off
 *
 * vhost_fuzz SEED SECONDS; ends with 0, or is ended by what it found.
 */
#include "../../native/vhost.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 64, STRIDE = 16 * 4096 + 192, HEADROOM = 64, AUX = 1 << 20, TX = 16, RING = 64 };
enum { REGION = 1 << 18, REGIONS = 2, RINGS_AT = 4096, RING_STRIDE = 8192, FD = 7777 };
static const uint64_t GUEST[REGIONS] = { 0x10000, 0x40000000 }, USER[REGIONS] = { 0x550000000000, 0x560000000000 };

static int device, files[REGIONS];
static uint8_t *memory[REGIONS];
static atomic_int is_over, is_packed;

static uint32_t next(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

static uint32_t below(uint32_t *state, uint32_t n) { return next(state) % n; }

static void check(int is_true, const char *what)
{
    if (is_true) return;
    fprintf(stderr, "vhost_fuzz: %s\n", what);
    abort();
}

/* What a descriptor may hold: mostly what has a meaning. */
static void write_descriptor(uint32_t *r, uint8_t *at, int ring)
{
    int region = (int)below(r, REGIONS);
    uint64_t address = GUEST[region] + below(r, REGION);
    if (below(r, 16) == 0) address = (uint64_t)next(r) << 32 | next(r);
    uint32_t length = below(r, 8) ? below(r, 3000) : below(r, 2) ? next(r) : 16 * below(r, 70);
    uint16_t flags = (uint16_t)(ring == 0 ? VRING_DESC_F_WRITE : 0);
    if (below(r, 3) == 0) flags |= VRING_DESC_F_NEXT;
    if (below(r, 6) == 0) flags |= VRING_DESC_F_INDIRECT;
    if (below(r, 12) == 0) flags ^= VRING_DESC_F_WRITE;
    flags |= (uint16_t)(below(r, 4) << 14 & 0x8000) | (uint16_t)(below(r, 2) << 7); /* packed rings: AVAIL and USED */
    uint16_t other = (uint16_t)(below(r, 10) ? below(r, RING) : next(r));
    memcpy(at, &address, 8);
    memcpy(at + 8, &length, 4);
    memcpy(at + 12 + 2 * below(r, 2), &flags, 2);
    if (below(r, 2)) memcpy(at + 14, &other, 2);
}

/* The guest's processor: one store, anywhere that matters. */
static void scribble(uint32_t *r)
{
    int ring = (int)below(r, 2);
    uint8_t *base = memory[0] + RINGS_AT + ring * RING_STRIDE;
    uint16_t *avail = (uint16_t *)(base + 2048);
    switch (below(r, 8)) {
    case 0: case 1: case 2:
        write_descriptor(r, base + 16 * below(r, RING), ring);
        break;
    case 3: case 4:
        __atomic_store_n(&avail[2 + below(r, RING)], (uint16_t)below(r, RING + 2), __ATOMIC_RELAXED);
        break;
    case 5: case 6:
        __atomic_fetch_add(&avail[1], (uint16_t)(below(r, 40) ? 1 + below(r, 3) : next(r)), __ATOMIC_RELEASE);
        break;
    default: /* indirect tables, events, used rings, anything */
        if (below(r, 2)) write_descriptor(r, memory[below(r, REGIONS)] + 16 * below(r, REGION / 16), ring);
        else memory[0][RINGS_AT + below(r, 2 * RING_STRIDE)] = (uint8_t)next(r);
    }
}

/* The files are cut off meanwhile: then this thread waits for them. */
static pthread_mutex_t whole = PTHREAD_MUTEX_INITIALIZER;

static void *guest(void *seed)
{
    uint32_t r = (uint32_t)(uintptr_t)seed;
    while (!is_over) {
        pthread_mutex_lock(&whole);
        for (int n = below(&r, 40); n >= 0; n--) scribble(&r);
        pthread_mutex_unlock(&whole);
        if (below(&r, 4) == 0) usleep(below(&r, 50));
    }
    return NULL;
}

static void give_memory(uint32_t *r)
{
    uint64_t words[REGIONS * TL_VHOST_REGION_WORDS];
    for (int n = 0; n < REGIONS; n++) {
        uint64_t *w = words + n * TL_VHOST_REGION_WORDS;
        w[TL_VHOST_REGION_GUEST] = GUEST[n];
        w[TL_VHOST_REGION_SIZE] = below(r, 20) ? REGION : 1 + below(r, REGION);
        w[TL_VHOST_REGION_USER] = USER[n];
        w[TL_VHOST_REGION_OFFSET] = 0;
    }
    tl_vhost_set_memory(device, words, files, REGIONS);
}

static void start_ring(uint32_t *r, int ring)
{
    uint64_t base = USER[0] + RINGS_AT + (uint64_t)ring * RING_STRIDE;
    uint64_t words[] = { RING, below(r, RING) | below(r, 2) << 15, base, base + 2048, base + 4096 };
    if (below(r, 20) == 0) words[2 + below(r, 3)] += below(r, 2 * REGION);
    tl_vhost_set_ring(device, ring, words);
    tl_vhost_start(device, ring);
    tl_vhost_enable(device, ring, below(r, 10) != 0);
}

static uint64_t some_features(uint32_t *r)
{
    const int bits[] = { VIRTIO_F_VERSION_1, VIRTIO_NET_F_MRG_RXBUF, VIRTIO_RING_F_INDIRECT_DESC, VIRTIO_RING_F_EVENT_IDX,
                         VIRTIO_F_RING_PACKED, VHOST_F_LOG_ALL };
    uint64_t features = 0;
    for (unsigned n = 0; n < sizeof bits / sizeof *bits; n++)
        if (below(r, 2)) features |= 1ull << bits[n];
    return features;
}

static void *front_end(void *seed)
{
    uint32_t r = (uint32_t)(uintptr_t)seed;
    while (!is_over) {
        int32_t at;
        uint64_t features = some_features(&r), log[] = { 4096 + below(&r, 4096), 0 };
        switch (below(&r, 6)) {
        case 0:
            give_memory(&r);
            break;
        case 1:
            for (int ring = 0; ring < 2; ring++) tl_vhost_stop(device, ring, &at);
            tl_vhost_set_features(device, &features);
            is_packed = features >> VIRTIO_F_RING_PACKED & 1;
            break;
        case 2:
            tl_vhost_set_log(device, log, below(&r, 3) ? files[1] : -1);
            break;
        case 3:
            pthread_mutex_lock(&whole);
            for (int n = 0; n < REGIONS; n++) check(ftruncate(files[n], below(&r, 2) ? 0 : below(&r, REGION)) == 0, "ftruncate");
            usleep(below(&r, 300));
            for (int n = 0; n < REGIONS; n++) check(ftruncate(files[n], REGION) == 0, "ftruncate");
            pthread_mutex_unlock(&whole);
            break;
        default:
            for (int ring = 0; ring < 2; ring++) {
                tl_vhost_set_fd(device, ring, TL_VHOST_CALL, eventfd(0, EFD_NONBLOCK));
                start_ring(&r, ring);
            }
        }
        usleep(below(&r, 500));
    }
    return NULL;
}

/* A driver that was reset and means well: a ring full of buffers. What comes then is as good as it was, for a while. */
static void fill_ring(uint32_t *r, int ring)
{
    uint8_t *base = memory[0] + RINGS_AT + ring * RING_STRIDE;
    uint16_t *avail = (uint16_t *)(base + 2048), *used = (uint16_t *)(base + 4096);
    for (int n = 0; n < RING; n++) {
        uint64_t address = GUEST[1] + below(r, REGION - 4096);
        uint32_t length = 60 + below(r, 3000);
        uint16_t flags = (uint16_t)((ring == 0 ? VRING_DESC_F_WRITE : 0) | (is_packed ? 1 << 7 : 0)), id = (uint16_t)n;
        memcpy(base + 16 * n, &address, 8);
        memcpy(base + 16 * n + 8, &length, 4);
        memcpy(base + 16 * n + (is_packed ? 14 : 12), &flags, 2);
        memcpy(base + 16 * n + (is_packed ? 12 : 14), &id, 2);
        avail[2 + n] = (uint16_t)n;
    }
    avail[1] = (uint16_t)(used[1] + RING);
    uint64_t at = USER[0] + RINGS_AT + (uint64_t)ring * RING_STRIDE;
    uint64_t words[] = { RING, 1 << 15, at, at + 2048, at + 4096 };
    tl_vhost_set_ring(device, ring, words);
    tl_vhost_start(device, ring);
    tl_vhost_enable(device, ring, 1);
}

static void mend(uint32_t *r)
{
    pthread_mutex_lock(&whole);
    for (int ring = 0; ring < 2; ring++) {
        double states[2 * TL_VHOST_STATE_WORDS];
        tl_vhost_states(device, states);
        if (!states[ring * TL_VHOST_STATE_WORDS + TL_VHOST_RUNNING]) fill_ring(r, ring);
    }
    pthread_mutex_unlock(&whole);
}

static int32_t *words_of(struct tl_burst *b, int call)
{
    b->words[TL_CALL] = call;
    return b->words;
}

static void transmit(struct tl_burst *b, uint32_t *r)
{
    int count = 1 + (int)below(r, TX);
    for (int n = 0; n < count; n++) {
        int32_t *row = b->tx + n * TL_ROW, length = (int32_t)(below(r, 4) ? below(r, 1500) : below(r, 65000));
        memset(row, 0, TL_ROW * sizeof *row);
        row[TL_TX_FD] = device;
        row[TL_TX_KIND] = TL_KIND_VHOST;
        row[TL_TX_PIECES] = 2;
        row[TL_TX_PIECE] = SLOTS * STRIDE;
        row[TL_TX_PIECE + 1] = 24;
        row[TL_TX_PIECE + 2] = SLOTS * STRIDE + 64;
        row[TL_TX_PIECE + 3] = length;
    }
    words_of(b, TL_CALL_TRANSMIT)[TL_TX_COUNT] = count;
    check(tl_burst_call(b) == count, "transmit did not take all entries");
    for (int n = 0; n < count; n++) {
        int32_t result = b->tx[n * TL_ROW + TL_TX_RESULT];
        check(result > 0 || result == -EAGAIN || result == -ENETDOWN || result == -EMSGSIZE, "an unknown result");
    }
}

/* Returns frames, and polls without waiting. */
static int receive(struct tl_burst *b, uint32_t *r)
{
    int32_t *w = words_of(b, TL_CALL_RECEIVE);
    int first = (int)below(r, SLOTS), limit = (int)below(r, SLOTS);
    w[TL_FIRST] = first;
    w[TL_LIMIT] = limit;
    w[TL_TIMEOUT] = 0;
    int count = tl_burst_call(b);
    check(count >= 0 && count <= limit && first + count <= SLOTS, "more frames than there is room");
    for (int n = first; n < first + count; n++) {
        int32_t length = b->rx[n * TL_ROW + TL_RX_LENGTH];
        check(length >= 0 && length <= STRIDE - HEADROOM, "a frame longer than its slot");
        check(b->rx[n * TL_ROW + TL_RX_SOURCE] == 1, "a frame of nobody");
    }
    return count;
}

static struct tl_burst *open_burst(void)
{
    struct tl_burst *b = calloc(1, sizeof *b);
    b->bytes = malloc(SLOTS * STRIDE + AUX);
    b->rx = calloc(SLOTS * TL_ROW, 4);
    b->tx = calloc(TX * TL_ROW, 4);
    b->events = calloc(64, 4);
    b->words = calloc(TL_WORDS, 4);
    b->clock = calloc(3, 8);
    b->owed = calloc(16, 4);
    const int32_t words[] = { SLOTS, STRIDE, HEADROOM, VHOST_HEADER, SLOTS * STRIDE + AUX, 32, TX };
    memcpy(b->words, words, sizeof words);
    b->words[TL_OWED] = 16;
    memset(b->bytes, 0x5a, SLOTS * STRIDE + AUX);
    words_of(b, TL_CALL_OPEN);
    check(tl_burst_call(b) == 0, "open");
    int32_t fds[2], *w = words_of(b, TL_CALL_ADD);
    tl_vhost_fds(device, fds);
    w[TL_FD] = fds[TL_VHOST_WAIT_FD];
    w[TL_SOURCE] = 1;
    w[TL_KIND] = TL_KIND_VHOST;
    w[TL_DEVICE] = device;
    check(tl_burst_call(b) == 0, "add");
    return b;
}

static void close_burst(struct tl_burst *b)
{
    words_of(b, TL_CALL_CLOSE);
    tl_burst_call(b);
    free(b->bytes);
    free(b->rx);
    free(b->tx);
    free(b->events);
    free(b->words);
    free(b->clock);
    free(b->owed);
    free(b);
}

int main(int argc, char **argv)
{
    check(argc == 3, "SEED SECONDS");
    uint32_t seed = (uint32_t)atoi(argv[1]) | 1, r = seed;
    for (int n = 0; n < REGIONS; n++) {
        files[n] = memfd_create("guest", MFD_CLOEXEC);
        check(ftruncate(files[n], REGION) == 0, "ftruncate");
        memory[n] = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_SHARED, files[n], 0);
    }
    device = tl_vhost_open(1);
    check(device >= 0, "tl_vhost_open");
    struct tl_burst *b = open_burst();
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, guest, (void *)(uintptr_t)(seed * 3));
    pthread_create(&threads[1], NULL, front_end, (void *)(uintptr_t)(seed * 5));
    time_t end = time(NULL) + atoi(argv[2]);
    long received = 0, calls = 0;
    for (; time(NULL) < end; calls++) {
        if (calls % 8 == 0) mend(&r);
        received += receive(b, &r);
        transmit(b, &r);
    }
    is_over = 1;
    for (int n = 0; n < 2; n++) pthread_join(threads[n], NULL);
    double states[2 * TL_VHOST_STATE_WORDS];
    tl_vhost_states(device, states);
    double sent = states[TL_VHOST_FRAMES];
    close_burst(b);
    tl_vhost_close(device);
    printf("%ld calls, %ld frames received, %.0f sent\n", calls, received, sent);
    check(received > 0 && sent > 0, "nothing came through: the test tests nothing");
    return 0;
}
