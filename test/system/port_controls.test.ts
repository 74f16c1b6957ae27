// Controls of ports against a kernel bridge with the same ones: the same frames through both, and the same must arrive. After
// the scenarios of Linux' net/forwarding selftests bridge_port_isolation, bridge_locked_port, bridge_sticky_fdb and no_forwarding.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture, sendFrames } from '../support/traffic.ts';

needs('tcpdump', 'bridge');

type Flags = Record<string, boolean>;

interface Scene {
  /** By port. */
  flags: Flags[];
  static?: { mac: string; port: string }[];
  /** Port number, source and destination: `1 a > *`. */
  frames: string[];
}

const mac = (name: string): string =>
  ({ '*': 'ffffffffffff', g: '01005e0000fb', v6: '333300000001' })[name] ??
  `02000000${name.charCodeAt(0).toString(16).padStart(4, '0')}`;
const colons = (hex: string) => hex.replaceAll(/..(?=.)/g, '$&:');
/** A station's address. */
const address = (name: string) => colons(mac(name));

/** What each of three hosts gets: `a > *`, in order. Each frame is sent before the next one. */
async function heard(kind: 'kernel' | 'taploom', scene: Scene): Promise<string[][]> {
  const lab = await openLab();
  const [sw, ...hosts] = await lab.netnsList(['sw', 'h1', 'h2', 'h3']);
  for (const net of [sw, ...hosts]) await net.withoutIpv6();
  for (const [n, host] of hosts.entries()) await lab.veth(sw, `p${n + 1}`, host, 'e');
  if (kind === 'kernel') await makeKernelBridge(sw, scene);
  else {
    const ports = scene.flags.map((flags, n) => [`p${n + 1}`, { type: 'af_packet', lldp: false, ...flags }]);
    const bridge = { static: scene.static ?? [], local: false, ports: Object.fromEntries(ports) };
    await Taploomd.start(lab, sw, { version: 1, bridges: { br0: bridge } });
  }
  const captures = [];
  for (const host of hosts) {
    const file = join(lab.dir, `${host.name}.pcap`);
    captures.push(await Capture.start(host, 'e', file, 'ether proto 0x88b5 and inbound'));
  }
  // The first frames of a capture are missing now and then, behind a kernel bridge too.
  await sendFrames(hosts[2], 'e', [{ hex: `${mac('*')}${mac('w')}88b5${'00'.repeat(46)}`, count: 100 }]);
  await new Promise((done) => setTimeout(done, 300));
  for (const frame of scene.frames) {
    const [, from, source, to] = /^(\d) (\S+) > (\S+)$/.exec(frame) as RegExpExecArray;
    await sendFrames(hosts[Number(from) - 1], 'e', [
      { hex: `${mac(to)}${mac(source)}88b5${'00'.repeat(46)}` },
    ]);
  }
  await new Promise((done) => setTimeout(done, 500));
  return Promise.all(
    captures.map(async (capture) => {
      const lines = (await capture.stop()).map((line) => line.split(/[ ,]+/).slice(0, 3).join(' '));
      return lines.filter((line) => !line.startsWith(address('w')));
    }),
  );
}

async function makeKernelBridge(sw: Netns, { flags, static: entries = [] }: Scene): Promise<void> {
  await sw.ip('link add br0 type bridge mcast_snooping 0', 'link set br0 up');
  for (const [n, own] of flags.entries()) {
    const port = `p${n + 1}`;
    await sw.ip(`link set ${port} master br0`);
    const words = Object.entries(own).flatMap(([flag, isOn]) => [flag, isOn ? 'on' : 'off']);
    if (words.length > 0) await sw.check(['bridge', 'link', 'set', 'dev', port, ...words]);
  }
  for (const entry of entries)
    await sw.check(['bridge', 'fdb', 'add', entry.mac, 'dev', entry.port, 'master', 'static', 'sticky']);
}

/** Every kind of frame from every host, to strangers and to each other. */
const EVERYTHING = [
  '1 a > *',
  '2 b > *',
  '3 c > *',
  '1 a > x',
  '1 a > g',
  '1 a > v6',
  '1 a > b',
  '2 b > c',
  '3 c > a',
  '3 c > x',
];

const SCENES: Record<string, Scene> = {
  'bcast_flood off': { flags: [{}, { bcast_flood: false }, {}], frames: EVERYTHING },
  'mcast_flood off': { flags: [{}, { mcast_flood: false }, {}], frames: EVERYTHING },
  'flood off': { flags: [{}, { flood: false }, {}], frames: EVERYTHING },
  'all floods off': {
    flags: [{}, { flood: false, bcast_flood: false, mcast_flood: false }, { bcast_flood: false }],
    frames: EVERYTHING,
  },
  isolated: { flags: [{ isolated: true }, { isolated: true }, {}], frames: EVERYTHING },
  'locked, nobody is known': { flags: [{ locked: true }, {}, {}], frames: EVERYTHING },
  'locked, with a static entry': {
    flags: [{ locked: true }, {}, {}],
    static: [{ mac: address('a'), port: 'p1' }],
    frames: [...EVERYTHING, '1 z > *', '2 a > *', '2 b > a'],
  },
  'locked, a station does not roam to it': {
    flags: [{ locked: true }, { locked: true }, {}],
    static: [{ mac: address('a'), port: 'p1' }],
    frames: ['3 c > *', '1 c > *', '2 a > *', '1 a > *', '3 c > a', '1 a > c'],
  },
  'locked, without learning': {
    flags: [{ locked: true, learning: false }, {}, {}],
    static: [{ mac: address('a'), port: 'p1' }],
    frames: ['1 a > *', '1 b > *', '2 b > a'],
  },
  'a sticky entry': {
    flags: [{}, {}, {}],
    static: [{ mac: address('a'), port: 'p1' }],
    frames: ['2 a > *', '3 c > a', '1 a > c'],
  },
};

for (const [name, scene] of Object.entries(SCENES)) {
  test(`${name}: the same frames arrive as behind a kernel bridge`, async () => {
    const [kernel, taploom] = await Promise.all([heard('kernel', scene), heard('taploom', scene)]);
    expect(kernel.flat().length).toBeGreaterThan(0);
    expect(taploom).toEqual(kernel);
  });
}
