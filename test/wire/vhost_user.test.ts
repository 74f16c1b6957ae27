import { expect, test } from 'vitest';
import * as vhost from '../../src/wire/vhost_user.ts';
import { netConfig, readNetConfig } from '../../src/wire/virtio.ts';

const hex = (bytes: Buffer): string =>
  bytes
    .toString('hex')
    .replace(/(.{8})/g, '$1 ')
    .trimEnd();

test('a message is request, flags with the version, size, payload', () => {
  const bytes = vhost.message(
    vhost.REQUEST.setVringNum,
    vhost.vringState({ index: 1, num: 256 }),
    vhost.NEED_REPLY,
  );
  expect(hex(bytes)).toBe('08000000 09000000 08000000 01000000 00010000');
  expect(vhost.readHeader(bytes)).toEqual({ request: 8, flags: 9, size: 8 });
  expect(vhost.readVringState(bytes.subarray(vhost.HEADER_LEN))).toEqual({ index: 1, num: 256 });
});

test('addresses of a ring keep all 64 bits', () => {
  const addr = {
    index: 3,
    flags: vhost.VRING_LOG,
    descriptor: 0xffff_ffff_ffff_fff0n,
    used: 0x7f00_0000_1000n,
    available: 0x7f00_0000_2000n,
    log: 0x1_0000_0000n,
  };
  const payload = vhost.vringAddr(addr);
  expect(payload.length).toBe(vhost.VRING_ADDR_LEN);
  expect(vhost.readVringAddr(payload)).toEqual(addr);
});

test('a memory table whose count and length are at odds is none', () => {
  const region = { guestAddress: 0n, size: 0x10_0000n, userAddress: 0x7f00n, mmapOffset: 4096n };
  const payload = vhost.memTable([region, { ...region, guestAddress: 0x10_0000n }]);
  expect(payload.length).toBe(72);
  expect(vhost.readMemTable(payload)?.map(({ guestAddress }) => guestAddress)).toEqual([0n, 0x10_0000n]);
  expect(vhost.readMemTable(payload.subarray(0, 71))).toBeUndefined();
  payload.writeUInt32LE(9, 0);
  expect(vhost.readMemTable(Buffer.concat([payload, Buffer.alloc(1000)]))).toBeUndefined();
  expect(vhost.readMemTable(Buffer.alloc(0))).toBeUndefined();
  expect(vhost.readMemReg(vhost.memReg(region))).toEqual(region);
});

test('the rest comes back as it was', () => {
  const inflight = { mmapSize: 4096n, mmapOffset: 0n, queues: 2, queueSize: 256 };
  expect(vhost.readInflight(vhost.inflight(inflight, 24))).toEqual(inflight);
  expect(vhost.readLog(vhost.log({ size: 64n, offset: 8n }))).toEqual({ size: 64n, offset: 8n });
  expect(vhost.readU64(vhost.u64(1n << 63n))).toBe(1n << 63n);
  const net = { mac: Uint8Array.of(2, 0, 0, 0, 0, 9), linkUp: true, queuePairs: 4, mtu: 9000 };
  expect(readNetConfig(netConfig(net))).toEqual(net);
});

test('a part of the configuration space names its own length', () => {
  const payload = vhost.configSpace({ offset: 6, flags: 1, bytes: Buffer.from([1, 0]) });
  expect(hex(payload)).toBe('06000000 02000000 01000000 0100');
  expect(vhost.readConfigSpace(payload)?.offset).toBe(6);
  expect(vhost.readConfigSpace(payload.subarray(0, 13))).toBeUndefined();
  expect(vhost.readConfigSpace(payload.subarray(0, 11))).toBeUndefined();
});
