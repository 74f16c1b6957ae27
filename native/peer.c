/* Who is at the other end of a Unix socket, as of its connect(): the kernel's word, which nobody can forge. */
#include "taploom.h"
#include <errno.h>
#include <sys/socket.h>

int tl_peer_credentials(int fd, int32_t *words)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -errno;
    if (length != sizeof peer) return -EPROTO;
    words[TL_PEER_PID] = (int32_t)peer.pid;
    words[TL_PEER_UID] = (int32_t)peer.uid;
    words[TL_PEER_GID] = (int32_t)peer.gid;
    return 0;
}

/* All groups of the other end, at most `room` of them; tells how many there are, or -errno. */
int tl_peer_groups(int fd, int32_t *gids, int room)
{
    socklen_t length = (socklen_t)room * sizeof *gids;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &length) < 0) return -errno;
    return (int)(length / sizeof *gids);
}
