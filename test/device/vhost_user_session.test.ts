// What a front end may say, in any order and any length, and what the rings hear of it.

import { expect, test } from 'vitest';
import { offeredFeatures } from '../../src/device/vhost_user/features.ts';
import { ProtocolError, type Rings, Session } from '../../src/device/vhost_user/session.ts';
import {
  CONFIG_HEADER_LEN,
  configSpace,
  memTable,
  NEED_REPLY,
  PROTOCOL,
  REPLY,
  REQUEST,
  readConfigSpace,
  readHeader,
  readU64,
  readVringState,
  u64,
  VERSION,
  VRING_NO_FD,
  vringAddr,
  vringState,
} from '../../src/wire/vhost_user.ts';
import { FEATURE } from '../../src/wire/virtio.ts';

/** Rings that note what they are told. */
function noting(result = 0) {
  const heard: string[] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): number => {
      heard.push(`${name} ${args.filter((one) => typeof one !== 'object').join(' ')}`.trim());
      return result;
    };
  const names = [
    'setFeatures',
    'setMemory',
    'addMemory',
    'removeMemory',
    'setRing',
    'setFd',
    'start',
    'stop',
  ];
  const rings = Object.fromEntries(
    [...names, 'enable', 'announce', 'setLog'].map((name) => [name, note(name)]),
  );
  return { heard, rings: rings as unknown as Rings };
}

function open(result = 0, pairs = 1) {
  const { heard, rings } = noting(result);
  const session = new Session(rings, { pairs, features: offeredFeatures(pairs, true), mtu: 1500 });
  const ask = (request: number, payload: Buffer = Buffer.alloc(0), fds: number[] = [], flags = 0) => {
    const answer = session.take({ request, flags: flags | VERSION, size: payload.length }, payload, fds);
    if (answer === undefined) return undefined;
    expect(readHeader(answer)).toMatchObject({ request, flags: VERSION | REPLY, size: answer.length - 12 });
    return answer.subarray(12);
  };
  return { session, heard, ask };
}

const ADDRESS = { index: 0, flags: 0, descriptor: 16n, used: 32n, available: 48n, log: 0n };

test('a ring starts once its size, addresses and kick are known, whatever their order, and not before', () => {
  const steps: [number, () => [Buffer, number[]]][] = [
    [REQUEST.setVringNum, () => [vringState({ index: 0, num: 256 }), []]],
    [REQUEST.setVringAddr, () => [vringAddr(ADDRESS), []]],
    [REQUEST.setVringKick, () => [u64(0n), [99]]],
  ];
  for (const order of [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
  ]) {
    const { ask, heard } = open();
    for (const [n, step] of order.entries()) {
      expect(heard.filter((one) => one.startsWith('start'))).toEqual([]);
      const [request, words] = steps[step];
      ask(request, ...words());
      expect(heard.includes('start 0')).toBe(n === 2);
    }
  }
});

test('a stopped ring tells where it was and needs its kick anew; new addresses alone do not restart it', () => {
  const { ask, heard } = open();
  ask(REQUEST.setVringNum, vringState({ index: 0, num: 256 }));
  ask(REQUEST.setVringKick, u64(0n), [99]);
  ask(REQUEST.setVringAddr, vringAddr(ADDRESS));
  ask(REQUEST.setVringAddr, vringAddr({ ...ADDRESS, flags: 1 }));
  expect(heard.filter((one) => one.startsWith('start'))).toHaveLength(1);
  expect(heard.filter((one) => one.startsWith('setRing'))).toHaveLength(2);
  const base = ask(REQUEST.getVringBase, vringState({ index: 0, num: 0 }));
  expect(readVringState(base as Buffer)).toEqual({ index: 0, num: 0 });
  expect(heard.slice(-2)).toEqual(['stop 0', 'setFd 0 0 -1']);
  ask(REQUEST.setVringAddr, vringAddr(ADDRESS));
  expect(heard.filter((one) => one.startsWith('start'))).toHaveLength(1);
});

test('an answer about success comes where it was negotiated and asked for', () => {
  const { ask } = open(-1);
  expect(ask(REQUEST.setVringEnable, vringState({ index: 0, num: 1 }), [], NEED_REPLY)).toBeUndefined();
  ask(REQUEST.setProtocolFeatures, u64(PROTOCOL.replyAck));
  expect(ask(REQUEST.setVringEnable, vringState({ index: 0, num: 1 }))).toBeUndefined();
  const answer = ask(REQUEST.setVringEnable, vringState({ index: 0, num: 1 }), [], NEED_REPLY);
  expect(readU64(answer as Buffer)).toBe(1n);
  expect(readU64(ask(REQUEST.setOwner, undefined, [], NEED_REPLY) as Buffer)).toBe(0n);
  expect(readU64(ask(4711, u64(0n), [], NEED_REPLY) as Buffer)).toBe(1n);
  expect(ask(4711, u64(0n))).toBeUndefined();
});

test('what was not offered is refused', () => {
  const { ask, session } = open();
  ask(REQUEST.setProtocolFeatures, u64(PROTOCOL.replyAck));
  const refused = ask(REQUEST.setFeatures, u64(FEATURE.accessPlatform), [], NEED_REPLY);
  expect(readU64(refused as Buffer)).toBe(1n);
  expect(session.features).toBe(0n);
  const taken = ask(REQUEST.setFeatures, u64(FEATURE.version1 | FEATURE.mrgRxbuf), [], NEED_REPLY);
  expect(readU64(taken as Buffer)).toBe(0n);
});

test('without the features of the protocol rings are enabled from the start', () => {
  const { ask, heard } = open();
  ask(REQUEST.setFeatures, u64(FEATURE.version1));
  expect(heard).toEqual(['enable 0 true', 'enable 1 true', 'setFeatures 4294967296']);
  const other = open();
  other.ask(REQUEST.setFeatures, u64(FEATURE.version1 | FEATURE.protocolFeatures));
  expect(other.heard).toEqual([`setFeatures ${FEATURE.version1 | FEATURE.protocolFeatures}`]);
});

test('every request of a wrong length, ring or number of descriptors ends the session', () => {
  const region = { guestAddress: 0n, size: 4096n, userAddress: 0n, mmapOffset: 0n };
  const wrong: [number, Buffer, number[]][] = [
    [REQUEST.setFeatures, Buffer.alloc(7), []],
    [REQUEST.getFeatures, u64(0n), []],
    [REQUEST.setVringAddr, Buffer.alloc(39), []],
    [REQUEST.setVringNum, vringState({ index: 2, num: 256 }), []],
    [REQUEST.setVringKick, u64(0n), []],
    [REQUEST.setVringKick, u64(0n), [98, 99]],
    [REQUEST.setVringKick, u64(VRING_NO_FD), [99]],
    [REQUEST.setVringCall, u64(5n), [99]],
    [REQUEST.setMemTable, memTable([region]), []],
    [REQUEST.setMemTable, memTable([region, region]), [99]],
    [REQUEST.setMemTable, memTable([region]).fill(9, 0, 1), [99]],
    [REQUEST.setMemTable, Buffer.alloc(4), []],
    [REQUEST.addMemReg, Buffer.alloc(40), []],
    [REQUEST.setOwner, Buffer.alloc(0), [99]],
    [REQUEST.getConfig, Buffer.alloc(CONFIG_HEADER_LEN + 257), []],
  ];
  for (const [request, payload, fds] of wrong) {
    const { ask } = open();
    expect(() => ask(request, payload, fds), `request ${request}`).toThrow(ProtocolError);
  }
});

test('a descriptor that a ring takes is no longer the connection to close; all others are', () => {
  const { ask } = open();
  const kick = [99];
  ask(REQUEST.setVringKick, u64(0n), kick);
  expect(kick).toEqual([]);
  const table = [99];
  ask(
    REQUEST.setMemTable,
    memTable([{ guestAddress: 0n, size: 1n, userAddress: 0n, mmapOffset: 0n }]),
    table,
  );
  expect(table).toEqual([99]);
});

test('memory that cannot be had is told in words', () => {
  const region = { guestAddress: 0n, size: 4096n, userAddress: 0n, mmapOffset: 0n };
  for (const [errno, words] of [
    [95, /memfd, or a file of tmpfs or hugetlbfs/],
    [34, /not within its file/],
    [12, /ENOMEM/],
  ] as const) {
    const { ask, session } = open(-errno);
    ask(REQUEST.setMemTable, memTable([region]), [99]);
    expect(session.trouble).toMatch(words);
  }
});

test('the configuration space tells of queues and MTU, within its bounds', () => {
  const { ask } = open(0, 4);
  const read = (offset: number, size: number) =>
    readConfigSpace(
      ask(REQUEST.getConfig, configSpace({ offset, flags: 0, bytes: Buffer.alloc(size) })) as Buffer,
    );
  expect(read(8, 4)?.bytes.toString('hex')).toBe('0400dc05');
  expect(read(6, 2)?.bytes.readUInt16LE(0)).toBe(1);
  expect(read(200, 100)?.bytes).toHaveLength(0);
  expect(read(0xffff_ffff, 8)?.bytes).toHaveLength(0);
});

test('a driver that resets the device stops its rings, and a broken one is told to', () => {
  const { ask, heard, session } = open();
  ask(REQUEST.setStatus, u64(15n));
  session.needsReset = true;
  expect(readU64(ask(REQUEST.getStatus) as Buffer)).toBe(79n);
  ask(REQUEST.setStatus, u64(0n));
  expect(heard).toContain('stop 0');
  expect(heard).toContain('stop 1');
  expect(readU64(ask(REQUEST.getStatus) as Buffer)).toBe(0n);
});
