// The configuration of a virtio network device, for front ends that ask the back end: struct virtio_net_config.
//
//   0     6        8           10    12
//   | mac | status | max pairs | mtu | ... zero
//
// A request and its answer are: offset, size, flags, and `size` bytes.

const HEAD = 12;
const STATUS = 6;
const PAIRS = 8;
const MTU = 10;
const LENGTH = 256;
/** VIRTIO_NET_S_LINK_UP */
const LINK_UP = 1;

/** An answer of size 0 tells that the request is none. */
export function answerConfig(request: Buffer, { pairs, mtu }: { pairs: number; mtu: number }): Buffer {
  const offset = request.readUInt32LE(0);
  const size = request.readUInt32LE(4);
  const isPossible = offset <= LENGTH && size <= LENGTH - offset;
  const answer = Buffer.alloc(HEAD + (isPossible ? size : 0));
  request.copy(answer, 0, 0, HEAD);
  answer.writeUInt32LE(isPossible ? size : 0, 4);
  if (!isPossible) return answer;
  const space = Buffer.alloc(LENGTH);
  space.writeUInt16LE(LINK_UP, STATUS);
  space.writeUInt16LE(pairs, PAIRS);
  space.writeUInt16LE(mtu, MTU);
  space.copy(answer, HEAD, offset, offset + size);
  return answer;
}
