// What virtio 1.2 and its network device call things: feature bits, device status, configuration space, and the bits of
// ring descriptors. Little-endian.

/** Feature bits of a network device (virtio 1.2, 5.1.3), of any device (6), and of vhost. */
export const FEATURE = {
  csum: 1n << 0n,
  guestCsum: 1n << 1n,
  mtu: 1n << 3n,
  mac: 1n << 5n,
  guestTso4: 1n << 7n,
  guestTso6: 1n << 8n,
  guestEcn: 1n << 9n,
  guestUfo: 1n << 10n,
  hostTso4: 1n << 11n,
  hostTso6: 1n << 12n,
  hostEcn: 1n << 13n,
  hostUfo: 1n << 14n,
  /** Received frames may lie in several buffers; the header is 12 bytes long with this or `version1`, 10 without. */
  mrgRxbuf: 1n << 15n,
  status: 1n << 16n,
  ctrlVq: 1n << 17n,
  ctrlRx: 1n << 18n,
  ctrlVlan: 1n << 19n,
  guestAnnounce: 1n << 21n,
  mq: 1n << 22n,
  ctrlMacAddr: 1n << 23n,
  /** vhost: writes are logged. */
  logAll: 1n << 26n,
  anyLayout: 1n << 27n,
  indirectDesc: 1n << 28n,
  eventIdx: 1n << 29n,
  /** vhost-user, never seen by a driver. */
  protocolFeatures: 1n << 30n,
  version1: 1n << 32n,
  accessPlatform: 1n << 33n,
  ringPacked: 1n << 34n,
  inOrder: 1n << 35n,
  orderPlatform: 1n << 36n,
  notificationData: 1n << 38n,
  guestUso4: 1n << 54n,
  guestUso6: 1n << 55n,
  hostUso: 1n << 56n,
} as const;

/** Device status (2.1). */
export const STATUS = {
  acknowledge: 1,
  driver: 2,
  driverOk: 4,
  featuresOk: 8,
  needsReset: 64,
  failed: 128,
} as const;

/** Flags of a descriptor of either kind of ring (2.7.5, 2.8.5). `avail` and `used` are those of packed rings. */
export const DESC = { next: 1, write: 2, indirect: 4, avail: 1 << 7, used: 1 << 15 } as const;
/** Bytes of a descriptor of either kind. */
export const DESC_LEN = 16;

/** Split rings: do not interrupt, do not notify. */
export const NO_INTERRUPT = 1;
export const NO_NOTIFY = 1;

/** Packed rings: flags of an event suppression structure, with offset | wrap << 15 in its first half (2.8.10). */
export const EVENT = { enable: 0, disable: 1, desc: 2 } as const;

/** Largest split ring; packed ones may have this size too, and any smaller one. */
export const MAX_RING = 32768;

/** Split rings (2.7): bytes of the available and of the used ring, the event index counted. */
export function availLen(size: number): number {
  return 6 + 2 * size;
}

export function usedLen(size: number): number {
  return 6 + 8 * size;
}

/** struct virtio_net_config (5.1.4), as far as it is used: mac 6, status 2, max_virtqueue_pairs 2, mtu 2. */
export interface NetConfig {
  mac: Uint8Array;
  linkUp: boolean;
  queuePairs: number;
  mtu: number;
}

export const NET_CONFIG_LEN = 12;
const LINK_UP = 1;

export function netConfig({ mac, linkUp, queuePairs, mtu }: NetConfig): Buffer {
  const bytes = Buffer.alloc(NET_CONFIG_LEN);
  bytes.set(mac.subarray(0, 6));
  bytes.writeUInt16LE(linkUp ? LINK_UP : 0, 6);
  bytes.writeUInt16LE(queuePairs, 8);
  bytes.writeUInt16LE(mtu, 10);
  return bytes;
}

export function readNetConfig(bytes: Buffer): NetConfig {
  return {
    mac: Uint8Array.from(bytes.subarray(0, 6)),
    linkUp: (bytes.readUInt16LE(6) & LINK_UP) !== 0,
    queuePairs: bytes.readUInt16LE(8),
    mtu: bytes.readUInt16LE(10),
  };
}
