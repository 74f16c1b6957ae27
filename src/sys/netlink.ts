// Lists of netlink(7), asked for in messages that wire/ writes, as it reads the answers. Control plane only.

import { aligned, native } from './native.ts';
import { check } from './sys_error.ts';

const ROOM = 65_536;
// linux/netlink.h
const HEADER_LEN = 16;
const NLMSG_DONE = 3;

/** The answer in parts, each of whole messages. @throws SysError that says `what` could not be done */
export function* listNetlink(fd: number, request: Buffer, what: string): Generator<Buffer> {
  const room = aligned(ROOM);
  check(native().tl_netlink_ask(fd, request, request.length), 'netlink', what);
  for (;;) {
    const length = check(native().tl_link_dump_next(fd, room, ROOM), 'netlink', what);
    if (length === 0) return;
    const part = Buffer.from(room.subarray(0, length));
    yield part;
    if (endsList(part)) return;
  }
}

/** Whether a part of a list is its last one: the kernel may put the end behind what it still has to say. */
export function endsList(bytes: Buffer): boolean {
  for (let at = 0; at + HEADER_LEN <= bytes.length; ) {
    if (bytes.readUInt16LE(at + 4) === NLMSG_DONE) return true;
    const length = bytes.readUInt32LE(at);
    if (length < HEADER_LEN) return false;
    at += (length + 3) & ~3;
  }
  return false;
}
