// A trace foretells what the switch then does: random switches, random frames, the real engine afterwards. And it changes
// nothing, neither a counter nor an entry nor the time at which one was seen.
//
//   TRACE_SEED  to run one iteration of a failure again

import { Switch } from 'taploom';
import { expect, test } from 'vitest';
import type { Trace } from '../../src/api.ts';
import { Random } from '../support/engine/random.ts';
import { configOf } from '../support/engine/rig.ts';
import { seedOf } from '../support/seed.ts';
import { TraceRig } from './trace_rig.ts';

const SEED = process.env.TRACE_SEED === undefined ? undefined : Number(process.env.TRACE_SEED);
const SWITCHES = 8;
const FRAMES = 60;
const LLDP_GROUP = [0x01, 0x80, 0xc2, 0, 0, 0x0e];
const TUNNEL_MAC = [0x01, 0x00, 0x0c, 0xcd, 0xcd, 0xd0];

function randomVlan(random: Random): object {
  const vids = random.some([1, 2, 3, 4094], 0.6);
  if (vids.length === 0 || random.chance(0.4)) return { access: random.pick([1, 2, 3]) };
  return random.chance(0.5) ? { trunk: vids } : { trunk: vids, native: random.pick([1, 2, 3]) };
}

/** A customer's, that may carry his LLDP. */
function randomTunnel(random: Random): object {
  return {
    vlan: { tunnel: random.pick([1, 2, 3]) },
    ...(random.chance(0.7) && { tunnel_protocols: [random.pick(['lldp', 'stp'])] }),
  };
}

function randomBridges(random: Random): Parameters<typeof configOf>[0] {
  const bridges: Parameters<typeof configOf>[0] = {};
  for (let b = random.between(1, 2); b > 0; b--) {
    const isFiltering = random.chance(0.7);
    const ports: Record<string, Record<string, unknown>> = {};
    for (let p = random.between(1, 5); p > 0; p--) {
      ports[`m${b}p${p}`] = {
        offloads: random.chance(0.5),
        hairpin: random.chance(0.2),
        isolated: random.chance(0.3),
        learning: random.chance(0.85),
        flood: random.chance(0.85),
        bcast_flood: random.chance(0.85),
        mcast_flood: random.chance(0.85),
        sticky: random.chance(0.2),
        ...(random.chance(0.2) ? { locked: true, mab: random.chance(0.5) } : {}),
        mtu: random.pick([68, 100, 1500]),
        group_fwd_mask: random.pick([0, 0, 0xfffd]),
        ...(random.chance(0.3)
          ? { fdb_limit: random.between(1, 3), fdb_limit_action: random.pick(['ignore', 'drop']) }
          : {}),
        ...(isFiltering && random.chance(0.85) ? { vlan: randomVlan(random) } : {}),
        ...(isFiltering && random.chance(0.25) ? randomTunnel(random) : {}),
      };
    }
    const [first] = Object.keys(ports);
    bridges[`b${b}`] = {
      vlan_filtering: isFiltering,
      ageing_time: random.pick([0, 2, 300]),
      fdb_limit: random.pick([2, 8192]),
      group_fwd_mask: random.pick([0, 0xfff8]),
      static: isFiltering || random.chance(0.5) ? [] : [{ mac: '02:00:00:00:00:03', port: first }],
      ports,
    };
  }
  return bridges;
}

function randomFrame(random: Random): Uint8Array {
  const tags: number[] = [];
  for (let n = random.pick([0, 0, 1, 1, 2]); n > 0; n--) {
    const tpid = random.chance(0.9) ? 0x8100 : 0x88a8;
    const vid = random.pick([0, 1, 2, 3, 4094, 4095, 7]);
    tags.push(tpid >>> 8, tpid & 255, (random.between(0, 15) << 4) | (vid >>> 8), vid & 255);
  }
  const source = random.chance(0.05)
    ? random.pick([
        [0, 0, 0, 0, 0, 0],
        [3, 0, 0, 0, 0, 1],
      ])
    : undefined;
  const macs = random.macs();
  if (source !== undefined) macs.splice(6, 6, ...source);
  if (random.chance(0.2)) macs.splice(0, 6, ...random.pick([LLDP_GROUP, TUNNEL_MAC]));
  const head = [
    ...macs,
    ...tags,
    ...random.pick([
      [0x88, 0xb5],
      [0x88, 0xcc],
    ]),
  ];
  const length = random.chance(0.05) ? random.between(1, 20) : random.pick([60, 64, 90, 130, 1514, 1600]);
  const bytes = new Uint8Array(length);
  bytes.set(head.slice(0, length));
  return bytes;
}

/** What came of it: every copy, with tag and length, and every drop. */
function happened(
  rig: TraceRig,
  port: string,
  frame: Uint8Array,
  isAware: (port: string) => boolean,
): string[] {
  const taken = new Map<string, Uint8Array[]>();
  const lines = rig.run(() => {
    if (!rig.taploom.memoryPort(port).send(frame)) throw new Error('the ring is full');
    rig.taploom.poll(0, rig.now);
    for (const [name, frames] of rig.received())
      taken.set(
        name,
        frames.map(({ bytes }) => bytes),
      );
  });
  const drops = lines.filter((line) => line.includes(' drops: '));
  const copies = [...taken].flatMap(([name, frames]) =>
    frames.map((bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      // Of a bridge that does not filter, tags are part of the frame; of one that does, half a tag may be what is left.
      const isTagged = isAware(name) && bytes.length >= 16 && view.getUint16(12) === 0x8100;
      const tci = isTagged ? view.getUint16(14) : undefined;
      return `${name}: ${tci === undefined ? '' : `tci ${tci} `}${bytes.length}`;
    }),
  );
  return [...copies, ...drops].sort();
}

/** The same, as the trace tells it. A tag that stays in an untagged copy is the inner one, or from a tunnel the outer. */
function foretold(
  { port, outcome, frame }: Trace,
  isAware: (port: string) => boolean,
  isTunnel: (port: string) => boolean,
): string[] {
  const bytes = Buffer.from(frame, 'hex');
  const isTagged =
    isAware(port) && !isTunnel(port) && bytes.length >= 18 && bytes.readUInt16BE(12) === 0x8100;
  const innerAt = isTagged ? 16 : 12;
  const hasInner = bytes.length >= innerAt + 4 && bytes.readUInt16BE(innerAt) === 0x8100;
  const inner = hasInner ? bytes.readUInt16BE(innerAt + 2) : undefined;
  const lines = outcome.copies.map((copy) => {
    if (copy.dropped !== undefined) return `${copy.port} drops: ${copy.dropped}`;
    const own = copy.tag && (copy.tag.pcp << 13) | (copy.tag.dei ? 0x1000 : 0) | copy.tag.vlan;
    const tci = own ?? inner;
    return `${copy.port}: ${isAware(copy.port) && tci !== undefined ? `tci ${tci} ` : ''}${copy.bytes}`;
  });
  const isFrames = outcome.copies.every(({ dropped }) => dropped === undefined);
  if (outcome.verdict === 'dropped' && isFrames) lines.push(`${port} drops: ${outcome.reason}`);
  return lines.sort();
}

async function compare(seed: number): Promise<void> {
  const random = new Random(seed);
  const bridges = randomBridges(random);
  const taploom = await Switch.open(configOf(bridges), { threaded: false });
  try {
    const rig = new TraceRig(taploom as never);
    const all = Object.entries(bridges).flatMap(([bridge, { ports, vlan_filtering }]) =>
      Object.entries(ports ?? {}).map(([port, { vlan = {} }]) => ({
        bridge,
        port,
        isAware: vlan_filtering === true,
        isTunnel: 'tunnel' in (vlan as object),
      })),
    );
    const isAware = (port: string) => all.find((one) => one.port === port)?.isAware === true;
    const isTunnel = (port: string) => all.find((one) => one.port === port)?.isTunnel === true;
    for (const { port } of all) {
      const state = random.pick(['forwarding', 'forwarding', 'forwarding', 'learning', 'blocking'] as const);
      await rig.taploom.setPortState(port, undefined, state);
    }
    for (let n = 0; n < FRAMES; n++) {
      rig.now += random.pick([0, 1, 130, 1500, 4000]);
      rig.run(); // the clock of the data plane is that of its last poll
      const { bridge, port } = random.pick(all);
      const frame = randomFrame(random);
      const before = await rig.state();
      const trace = await taploom.trace({ bridge, port, frame });
      expect(await rig.state(), `seed ${seed}: the trace changed something`).toBe(before);
      const learned = await rig.fdb();
      const is = happened(rig, port, frame, isAware);
      const told = {
        seed,
        n,
        lines: foretold(trace, isAware, isTunnel),
        trace: trace.steps.map(({ message }) => message),
      };
      expect({ ...told, lines: is }).toEqual(told);
      expectLearned(trace, learned, await rig.fdb(), seed);
    }
  } finally {
    await taploom.close();
  }
}

/** What the learn step said, of the entries before and after. */
function expectLearned({ steps, port }: Trace, before: string[], after: string[], seed: number): void {
  const verdict = steps.find(({ stage }) => stage === 'learn')?.verdict;
  const gained = after.filter((entry) => !before.includes(entry));
  const changes = verdict === 'learned' || verdict === 'moved' || verdict === 'asked';
  const told = { seed, verdict, gained: changes ? 1 : 0 };
  // One that has expired is out of the list, or is found in it again.
  expect({ ...told, gained: gained.length }).toEqual(told);
  if (gained.length > 0) expect(gained[0]).toContain(` ${port}`);
}

test('a trace foretells what the switch does with the frame, and changes nothing', {
  timeout: 120_000,
}, async () => {
  if (SEED !== undefined) return compare(SEED);
  const first = seedOf(undefined);
  for (let n = 0; n < SWITCHES; n++) await compare(first + n);
});
