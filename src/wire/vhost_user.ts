// vhost-user messages: what a front end (a hypervisor) and a back end (a switch) say to each other over a Unix socket, as in
// QEMU's docs/interop/vhost-user.rst. Little-endian, as the machines that Taploom runs on.
//
//   | request 4 | flags 4 | size 4 | payload |       descriptors travel beside the first byte, by SCM_RIGHTS
//   flags: version (2 bits) | reply | need_reply
//
// Readers expect a payload of at least the length that stands beside them; what a field means is checked elsewhere.

export const HEADER_LEN = 12;
export const VERSION = 1;
/** Of a header's flags. */
export const VERSION_MASK = 0x3;
export const REPLY = 0x4;
export const NEED_REPLY = 0x8;

/** What a front end asks. */
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
  setBackendReqFd: 21,
  iotlbMsg: 22,
  setVringEndian: 23,
  getConfig: 24,
  setConfig: 25,
  postcopyAdvise: 28,
  postcopyListen: 29,
  postcopyEnd: 30,
  getInflightFd: 31,
  setInflightFd: 32,
  resetDevice: 34,
  vringKick: 35,
  getMaxMemSlots: 36,
  addMemReg: 37,
  remMemReg: 38,
  setStatus: 39,
  getStatus: 40,
  setDeviceStateFd: 42,
  checkDeviceState: 43,
} as const;

/** What a back end asks, over the channel of setBackendReqFd. */
export const BACKEND_REQUEST = {
  iotlbMsg: 1,
  configChange: 2,
  vringHostNotifier: 3,
  vringCall: 4,
  vringErr: 5,
} as const;

/** Bits of getProtocolFeatures and setProtocolFeatures. */
export const PROTOCOL = {
  mq: 1n << 0n,
  logShmfd: 1n << 1n,
  rarp: 1n << 2n,
  replyAck: 1n << 3n,
  mtu: 1n << 4n,
  backendReq: 1n << 5n,
  crossEndian: 1n << 6n,
  pagefault: 1n << 8n,
  config: 1n << 9n,
  backendSendFd: 1n << 10n,
  hostNotifier: 1n << 11n,
  inflightShmfd: 1n << 12n,
  resetDevice: 1n << 13n,
  inbandNotifications: 1n << 14n,
  configureMemSlots: 1n << 15n,
  status: 1n << 16n,
  deviceState: 1n << 19n,
} as const;

/** Of the payload of setVringKick, setVringCall and setVringErr: the ring, and that no descriptor comes with it. */
export const VRING_INDEX_MASK = 0xffn;
export const VRING_NO_FD = 0x100n;

/** setVringAddr: writes to the used ring are logged at `log`. */
export const VRING_LOG = 0x1;

/** Bytes of guest memory for each bit of the dirty log. */
export const LOG_PAGE = 4096;

/** Most regions of a setMemTable; memory slots may be more. */
export const MAX_REGIONS = 8;

export interface Header {
  request: number;
  flags: number;
  /** Bytes of payload. */
  size: number;
}

export function readHeader(bytes: Buffer, at = 0): Header {
  return {
    request: bytes.readUInt32LE(at),
    flags: bytes.readUInt32LE(at + 4),
    size: bytes.readUInt32LE(at + 8),
  };
}

/** A whole message. `flags` beside the version: REPLY, NEED_REPLY. */
export function message(request: number, payload: Buffer = Buffer.alloc(0), flags = 0): Buffer {
  const header = Buffer.alloc(HEADER_LEN);
  header.writeUInt32LE(request, 0);
  header.writeUInt32LE((flags | VERSION) >>> 0, 4);
  header.writeUInt32LE(payload.length, 8);
  return Buffer.concat([header, payload]);
}

export const U64_LEN = 8;

export function readU64(payload: Buffer): bigint {
  return payload.readBigUInt64LE(0);
}

export function u64(value: bigint): Buffer {
  const payload = Buffer.alloc(U64_LEN);
  payload.writeBigUInt64LE(value);
  return payload;
}

/** Vring state: `num` is a size, an index (or two: packed rings) or 0 and 1, as the request has it. */
export interface VringState {
  index: number;
  num: number;
}

export const VRING_STATE_LEN = 8;

export function readVringState(payload: Buffer): VringState {
  return { index: payload.readUInt32LE(0), num: payload.readUInt32LE(4) };
}

export function vringState({ index, num }: VringState): Buffer {
  const payload = Buffer.alloc(VRING_STATE_LEN);
  payload.writeUInt32LE(index, 0);
  payload.writeUInt32LE(num, 4);
  return payload;
}

/** Where a ring is, in user addresses (those of the front end's process); `log` is a guest address. */
export interface VringAddr {
  index: number;
  flags: number;
  descriptor: bigint;
  used: bigint;
  available: bigint;
  log: bigint;
}

export const VRING_ADDR_LEN = 40;

export function readVringAddr(payload: Buffer): VringAddr {
  return {
    index: payload.readUInt32LE(0),
    flags: payload.readUInt32LE(4),
    descriptor: payload.readBigUInt64LE(8),
    used: payload.readBigUInt64LE(16),
    available: payload.readBigUInt64LE(24),
    log: payload.readBigUInt64LE(32),
  };
}

export function vringAddr(addr: VringAddr): Buffer {
  const payload = Buffer.alloc(VRING_ADDR_LEN);
  payload.writeUInt32LE(addr.index, 0);
  payload.writeUInt32LE(addr.flags, 4);
  [addr.descriptor, addr.used, addr.available, addr.log].forEach((value, i) => {
    payload.writeBigUInt64LE(value, 8 + 8 * i);
  });
  return payload;
}

export interface MemoryRegion {
  guestAddress: bigint;
  size: bigint;
  userAddress: bigint;
  /** Of the region's first byte in its file. */
  mmapOffset: bigint;
}

const REGION_LEN = 32;
const REGIONS_AT = 8;

function readRegion(payload: Buffer, at: number): MemoryRegion {
  return {
    guestAddress: payload.readBigUInt64LE(at),
    size: payload.readBigUInt64LE(at + 8),
    userAddress: payload.readBigUInt64LE(at + 16),
    mmapOffset: payload.readBigUInt64LE(at + 24),
  };
}

function writeRegion(payload: Buffer, at: number, region: MemoryRegion): void {
  const { guestAddress, size, userAddress, mmapOffset } = region;
  [guestAddress, size, userAddress, mmapOffset].forEach((value, i) => {
    payload.writeBigUInt64LE(value, at + 8 * i);
  });
}

/** setMemTable; undefined: the number of regions and the length of the payload are at odds, or more than MAX_REGIONS. */
export function readMemTable(payload: Buffer): MemoryRegion[] | undefined {
  if (payload.length < REGIONS_AT) return undefined;
  const count = payload.readUInt32LE(0);
  if (count > MAX_REGIONS || payload.length < REGIONS_AT + count * REGION_LEN) return undefined;
  return Array.from({ length: count }, (_, i) => readRegion(payload, REGIONS_AT + i * REGION_LEN));
}

export function memTable(regions: readonly MemoryRegion[]): Buffer {
  const payload = Buffer.alloc(REGIONS_AT + regions.length * REGION_LEN);
  payload.writeUInt32LE(regions.length);
  for (const [i, region] of regions.entries()) writeRegion(payload, REGIONS_AT + i * REGION_LEN, region);
  return payload;
}

/** addMemReg, remMemReg. */
export const MEM_REG_LEN = REGIONS_AT + REGION_LEN;

export function readMemReg(payload: Buffer): MemoryRegion {
  return readRegion(payload, REGIONS_AT);
}

export function memReg(region: MemoryRegion): Buffer {
  const payload = Buffer.alloc(MEM_REG_LEN);
  writeRegion(payload, REGIONS_AT, region);
  return payload;
}

/** setLogBase: bytes of the log, and where it begins in its file. */
export interface Log {
  size: bigint;
  offset: bigint;
}

export const LOG_LEN = 16;

export function readLog(payload: Buffer): Log {
  return { size: payload.readBigUInt64LE(0), offset: payload.readBigUInt64LE(8) };
}

export function log({ size, offset }: Log): Buffer {
  return Buffer.concat([u64(size), u64(offset)]);
}

/** getInflightFd, setInflightFd. */
export interface Inflight {
  mmapSize: bigint;
  mmapOffset: bigint;
  queues: number;
  queueSize: number;
}

/** QEMU's structure is not padded, DPDK's is: 20 and 24 bytes. */
export const INFLIGHT_LEN = 20;

export function readInflight(payload: Buffer): Inflight {
  return {
    mmapSize: payload.readBigUInt64LE(0),
    mmapOffset: payload.readBigUInt64LE(8),
    queues: payload.readUInt16LE(16),
    queueSize: payload.readUInt16LE(18),
  };
}

/** @param length a reply has that of its request */
export function inflight(of: Inflight, length = INFLIGHT_LEN): Buffer {
  const payload = Buffer.alloc(length);
  payload.writeBigUInt64LE(of.mmapSize, 0);
  payload.writeBigUInt64LE(of.mmapOffset, 8);
  payload.writeUInt16LE(of.queues, 16);
  payload.writeUInt16LE(of.queueSize, 18);
  return payload;
}

/** getConfig, setConfig: a part of the device's configuration space. */
export interface ConfigSpace {
  offset: number;
  /** 0: written by the guest, 1: for live migration. */
  flags: number;
  bytes: Buffer;
}

/** Before the bytes. */
export const CONFIG_HEADER_LEN = 12;
/** Of the configuration space that one message may name. */
export const CONFIG_MAX = 256;

/** undefined: the size within and the length of the payload are at odds. */
export function readConfigSpace(payload: Buffer): ConfigSpace | undefined {
  if (payload.length < CONFIG_HEADER_LEN) return undefined;
  const size = payload.readUInt32LE(4);
  if (size > CONFIG_MAX || payload.length !== CONFIG_HEADER_LEN + size) return undefined;
  return {
    offset: payload.readUInt32LE(0),
    flags: payload.readUInt32LE(8),
    bytes: payload.subarray(CONFIG_HEADER_LEN),
  };
}

export function configSpace({ offset, flags, bytes }: ConfigSpace): Buffer {
  const header = Buffer.alloc(CONFIG_HEADER_LEN);
  header.writeUInt32LE(offset, 0);
  header.writeUInt32LE(bytes.length, 4);
  header.writeUInt32LE(flags, 8);
  return Buffer.concat([header, bytes]);
}
