/* How the control plane maps a guest's memory: vhost_memory.c. */
#ifndef TAPLOOM_VHOST_MAP_H
#define TAPLOOM_VHOST_MAP_H

#include "vhost.h"

/* Maps `guest`, `user` and `size`, which the caller has set, from `offset` of the file. 0 or -errno. */
int vhost_map_region(struct vhost_region *r, uint64_t offset, int fd);
void vhost_unmap(struct vhost_memory *m);
void vhost_unmap_region(struct vhost_region *r); /* also of one that is not mapped */

#endif
