/* The one way into a burst: what the caller wants is a word. */
#include "burst.h"
#include <errno.h>

int tl_burst_call(struct tl_burst *b)
{
    switch (b->words[TL_CALL]) {
    case TL_CALL_OPEN: return burst_open(b);
    case TL_CALL_CLOSE: return burst_close(b);
    case TL_CALL_ADD: return burst_add(b);
    case TL_CALL_REMOVE: return burst_remove(b);
    case TL_CALL_RECEIVE: return burst_receive(b);
    case TL_CALL_TRANSMIT: return burst_transmit(b);
    case TL_CALL_JOIN: return burst_join(b);
    default: return -EINVAL;
    }
}
