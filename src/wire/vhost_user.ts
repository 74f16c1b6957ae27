// Messages of vhost-user, as docs/interop/vhost-user.rst of QEMU has them, little-endian on the machines that we run on.
//
//   0         4        8       12
//   | request | flags  | size  | payload ...
//
// Offsets are those of the payload. Payloads are mostly a number of 64 bits, or the state of a ring: index, number.

export const HEADER_LEN = 12;
/** Longer than any payload that we take: 8 regions of memory are 264 bytes, a configuration space 268. */
export const MAX_PAYLOAD = 512;

const VERSION = 1;
const VERSION_MASK = 3;
const REPLY = 4;
const NEED_REPLY = 8;

export const REQUEST = {
  getFeatures: 1,
  setFeatures: 2,
  setOwner: 3,
  resetOwner: 4,
  setMemTable: 5,
  setLogBase: 6,
  setLogFd: 7,
  setVringNum: 8,
  setVringAddr: 9,
  setVringBase: 10,
  getVringBase: 11,
  setVringKick: 12,
  setVringCall: 13,
  setVringErr: 14,
  getProtocolFeatures: 15,
  setProtocolFeatures: 16,
  getQueueNum: 17,
  setVringEnable: 18,
  sendRarp: 19,
  netSetMtu: 20,
  getConfig: 24,
  setConfig: 25,
  getInflightFd: 31,
  setInflightFd: 32,
  resetDevice: 34,
  getMaxMemSlots: 36,
  addMemReg: 37,
  remMemReg: 38,
  setStatus: 39,
  getStatus: 40,
} as const;

/** Bits of the protocol's own features. */
export const PROTOCOL = {
  mq: 0,
  logShmfd: 1,
  rarp: 2,
  replyAck: 3,
  netMtu: 4,
  config: 9,
  inflightShmfd: 12,
  resetDevice: 13,
  configureMemSlots: 15,
  status: 16,
} as const;

/** Bits of virtio's features: virtio 1.2, 5.1.3 and 6. */
export const FEATURE = {
  csum: 0,
  guestCsum: 1,
  mtu: 3,
  mac: 5,
  guestTso4: 7,
  guestTso6: 8,
  guestEcn: 9,
  hostTso4: 11,
  hostTso6: 12,
  hostEcn: 13,
  mrgRxbuf: 15,
  status: 16,
  guestAnnounce: 21,
  mq: 22,
  logAll: 26,
  indirectDesc: 28,
  eventIdx: 29,
  protocolFeatures: 30,
  version1: 32,
  ringPacked: 34,
  guestUso4: 54,
  guestUso6: 55,
  hostUso: 56,
} as const;

/** In the number that comes with a descriptor of a ring: the ring, and that there is no descriptor. */
export const RING_MASK = 0xffn;
export const NO_DESCRIPTOR = 0x100n;

/** struct VhostUserMemoryRegion: guest address, size, user address, offset in the file; 8 bytes each. */
export const REGION_LEN = 32;
/** In a table: a number and padding before the regions. In ADD_MEM_REG: padding. */
export const REGIONS_AT = 8;
/** More do not fit a table: each comes with a descriptor, and VHOST_MEMORY_BASELINE_NREGIONS is 8. */
export const MAX_TABLE = 8;

export interface Header {
  request: number;
  needsReply: boolean;
  size: number;
}

/** Undefined: not a request of the protocol's version, or too long. */
export function parseHeader(view: DataView, at = 0): Header | undefined {
  const flags = view.getUint32(at + 4, true);
  const size = view.getUint32(at + 8, true);
  if ((flags & VERSION_MASK) !== VERSION || (flags & REPLY) !== 0 || size > MAX_PAYLOAD) return undefined;
  return { request: view.getUint32(at, true), needsReply: (flags & NEED_REPLY) !== 0, size };
}

export function reply(request: number, payload: Buffer): Buffer {
  const message = Buffer.alloc(HEADER_LEN + payload.length);
  message.writeUInt32LE(request, 0);
  message.writeUInt32LE(VERSION | REPLY, 4);
  message.writeUInt32LE(payload.length, 8);
  payload.copy(message, HEADER_LEN);
  return message;
}

export function u64(value: bigint): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeBigUInt64LE(BigInt.asUintN(64, value));
  return payload;
}

/** struct vhost_vring_state */
export function ringState(index: number, num: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32LE(index, 0);
  payload.writeUInt32LE(num, 4);
  return payload;
}

/** struct vhost_vring_addr */
export const ADDRESS = { index: 0, flags: 4, desc: 8, used: 16, avail: 24, log: 32 } as const;
export const ADDRESS_LEN = 40;

/** Bits as a set of 64. */
export function bits(...all: readonly number[]): bigint {
  return all.reduce((set, bit) => set | (1n << BigInt(bit)), 0n);
}

export function has(set: bigint, bit: number): boolean {
  return ((set >> BigInt(bit)) & 1n) === 1n;
}
