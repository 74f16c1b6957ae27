/* Memory that other processes can be given: memfd_create(2) and a mapping of it. */
#include "taploom.h"
#include <errno.h>
#include <sys/mman.h>

int tl_memfd_create(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

int tl_memory_map(int fd, uint64_t *words)
{
    void *at = mmap(NULL, words[TL_MEMORY_SIZE], PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)words[TL_MEMORY_OFFSET]);
    if (at == MAP_FAILED) return -errno;
    words[TL_MEMORY_ADDRESS] = (uint64_t)(uintptr_t)at;
    return 0;
}

/* Buffers over it may be around still, so the addresses are kept: empty pages that take no room. */
int tl_memory_leave(const uint64_t *words)
{
    void *at = (void *)(uintptr_t)words[TL_MEMORY_ADDRESS];
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    return mmap(at, words[TL_MEMORY_SIZE], PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED ? -errno : 0;
}
