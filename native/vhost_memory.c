/* The guest's memory: regions that the front end gave us, and the way from addresses to them. */
#include "vhost.h"
#include "vhost_map.h"
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* What of `size` bytes from `address` is in the region: 0 = it begins elsewhere. */
static uint64_t covered(const struct vhost_region *r, uint64_t address, uint64_t size)
{
    uint64_t into = address - r->guest;
    if (address < r->guest || into >= r->size) return 0;
    return size < r->size - into ? size : r->size - into;
}

void *vhost_of_user(const struct vhost_memory *m, uint64_t user, uint64_t size)
{
    for (int n = 0; n < m->count; n++) {
        const struct vhost_region *r = &m->regions[n];
        if (user >= r->user && user - r->user < r->size && size <= r->size - (user - r->user))
            return r->at + (user - r->user);
    }
    return NULL;
}

static const struct vhost_region *region_of(struct vhost_queue *q, uint64_t guest)
{
    const struct vhost_memory *m = &q->device->memory;
    if (q->last_region < m->count && covered(&m->regions[q->last_region], guest, 1))
        return &m->regions[q->last_region];
    for (int n = 0; n < m->count; n++) {
        if (!covered(&m->regions[n], guest, 1)) continue;
        q->last_region = n;
        return &m->regions[n];
    }
    return NULL;
}

void *vhost_of_guest(struct vhost_queue *q, uint64_t guest, uint64_t size)
{
    const struct vhost_region *r = region_of(q, guest);
    return r && covered(r, guest, size) == size ? r->at + (guest - r->guest) : NULL;
}

/* A range may go on in the next region. */
int vhost_collect_far(struct vhost_queue *q, uint64_t guest, uint32_t length, struct vhost_pieces *pieces)
{
    while (length > 0) {
        const struct vhost_region *r = region_of(q, guest);
        if (!r || pieces->count == VHOST_PIECES) return 0;
        uint32_t part = (uint32_t)covered(r, guest, length);
        pieces->all[pieces->count++] = (struct vhost_piece){ .at = r->at + (guest - r->guest), .length = part };
        pieces->length += part;
        guest += part;
        length -= part;
    }
    return 1;
}

/* Of other file systems a page fault may ask a process that never answers (FUSE). */
static int is_plain_memory(int fd)
{
    struct statfs s;
    return fstatfs(fd, &s) == 0 && (s.f_type == TMPFS_MAGIC || s.f_type == (long)HUGETLBFS_MAGIC);
}

int vhost_map_region(struct vhost_region *r, uint64_t offset, int fd)
{
    struct stat s;
    if (!is_plain_memory(fd)) return -EOPNOTSUPP;
    if (fstat(fd, &s) < 0) return -errno;
    uint64_t end, page = s.st_blksize > 0 ? (uint64_t)s.st_blksize : 4096; /* of hugetlbfs: that of a large page */
    if (r->size == 0 || __builtin_add_overflow(offset, r->size, &end) || end > (uint64_t)s.st_size) return -ERANGE;
    if (r->guest + r->size < r->guest || r->user + r->size < r->user) return -ERANGE;
    r->mapped = (size_t)((end + page - 1) / page * page);
    r->mapping = mmap(NULL, r->mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (r->mapping == MAP_FAILED) return -errno;
    madvise(r->mapping, r->mapped, MADV_DONTDUMP); /* a core dump of ours has no business with it */
    r->at = (uint8_t *)r->mapping + offset;
    return 0;
}

void vhost_unmap_region(struct vhost_region *r)
{
    if (r->at) munmap(r->mapping, r->mapped);
    r->at = NULL;
}

void vhost_unmap(struct vhost_memory *m)
{
    for (int n = 0; n < m->count; n++) vhost_unmap_region(&m->regions[n]);
    m->count = 0;
}
