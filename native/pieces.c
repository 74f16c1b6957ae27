/* Rows of the transmit list as the kernel wants them: pieces of memory, and where a message goes. */
#include "burst.h"
#include <string.h>

/* The bytes of an entry as pieces of memory; false if one of them is outside the caller's Buffer. */
int burst_collect(struct tl_burst *b, const int32_t *row, struct iovec *pieces)
{
    int count = row[TL_TX_PIECES];
    if (count < 1 || count > TL_PIECES) return 0;
    for (int i = 0; i < count; i++) {
        int64_t offset = row[TL_TX_PIECE + 2 * i], length = row[TL_TX_PIECE + 2 * i + 1];
        if (offset < 0 || length < 0 || offset + length > b->words[TL_BYTES]) return 0;
        pieces[i].iov_base = b->bytes + offset;
        pieces[i].iov_len = (size_t)length;
    }
    return count;
}

static size_t put_tos(char *control, int family, int tos)
{
    struct cmsghdr *c = (struct cmsghdr *)control;
    c->cmsg_level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    c->cmsg_type = family == AF_INET ? IP_TOS : IPV6_TCLASS;
    c->cmsg_len = CMSG_LEN(sizeof tos);
    memcpy(CMSG_DATA(c), &tos, sizeof tos);
    return CMSG_SPACE(sizeof tos);
}

int burst_address(struct tl_burst *b, const int32_t *row, struct msghdr *message, char *control)
{
    int64_t at = row[TL_TX_SOCKADDR], length = row[TL_TX_SOCKADDR_LENGTH];
    if (at < 0 || length < (int64_t)sizeof(sa_family_t) || at + length > b->words[TL_BYTES]) return 0;
    *message = (struct msghdr){ .msg_name = b->bytes + at, .msg_namelen = (socklen_t)length };
    if (row[TL_TX_TOS] >= 0) {
        sa_family_t family;
        memcpy(&family, b->bytes + at, sizeof family);
        message->msg_control = control;
        message->msg_controllen = put_tos(control, family, row[TL_TX_TOS]);
    }
    return 1;
}
