// Spanning tree between processes: Taplooms among themselves, with the kernel's STP, and with Open vSwitch's STP and RSTP.
//
//   a --- b        every letter a namespace with one switch, and an address on its own interface
//    \   /
//      c

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { PortStatus } from '../../src/api.ts';
import { loadConfig } from '../../src/config/yaml.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { OpenVSwitch } from '../support/open_vswitch.ts';
import { check } from '../support/process.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture, ping, reaches, sendFrames } from '../support/traffic.ts';

vi.setConfig({ testTimeout: 180_000 });
needs('tcpdump', 'ovs-vswitchd', 'ovsdb-tool', 'tc', 'brctl');

/** Seconds: as short as 802.1D lets them be, so that the test does not take minutes. */
const QUICK = { hello_time: 1, max_age: 6, forward_delay: 4 };
const SLOW = { timeout: 40_000, interval: 200 };
const TEST_TYPE = '88b5';
const BROADCASTS = 20;

interface Switch {
  readonly name: string;
  readonly netns: Netns;
  readonly ports: string[];
  daemon?: Taploomd;
}

/** Namespaces with a link between each two of them: port `ab` of a leads to port `ba` of b. */
async function mesh(lab: Lab, names: string): Promise<Map<string, Switch>> {
  const netns = await lab.netnsList([...names]);
  const switches = [...names].map((name, n): Switch => ({ name, netns: netns[n], ports: [] }));
  for (const [n, a] of switches.entries()) {
    await a.netns.withoutIpv6();
    for (const b of switches.slice(n + 1)) {
      await lab.veth(a.netns, a.name + b.name, b.netns, b.name + a.name);
      a.ports.push(a.name + b.name);
      b.ports.push(b.name + a.name);
    }
  }
  return new Map(switches.map((one) => [one.name, one]));
}

const addressOf = ({ name }: Switch) => `192.0.2.${name.charCodeAt(0)}`;

const macOf = ({ name }: Switch) => `02:00:5e:10:00:${name.charCodeAt(0).toString(16)}`;

async function taploom(lab: Lab, one: Switch, stp: object | boolean): Promise<Taploomd> {
  const ports = Object.fromEntries(one.ports.map((port) => [port, { type: 'af_packet' }]));
  one.daemon = await Taploomd.start(lab, one.netns, {
    version: 1,
    // Its address comes from its name and its machine, and all these are one machine.
    bridges: { br0: { stp, local: { mac: macOf(one) }, ports } },
  });
  await one.netns.up('br0', `${addressOf(one)}/24`);
  return one.daemon;
}

async function kernelBridge({ netns, ports, ...one }: Switch, priority: number): Promise<void> {
  await netns.ip(
    `link add br0 type bridge stp_state 1 forward_delay 400 hello_time 100 max_age 600 priority ${priority}`,
    ...ports.map((port) => `link set dev ${port} master br0`),
  );
  await netns.up('br0', `${addressOf({ netns, ports, ...one })}/24`);
}

async function openVSwitch(
  lab: Lab,
  one: Switch,
  protocol: 'stp' | 'rstp',
  priority: number,
): Promise<OpenVSwitch> {
  const ovs = await OpenVSwitch.start(lab, one.netns);
  const times = ['forward-delay=4', 'max-age=6', ...(protocol === 'stp' ? ['hello-time=1'] : [])];
  const settings = [`priority=${priority}`, ...times].map((word) => `other_config:${protocol}-${word}`);
  await ovs.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=netdev', ...settings);
  await ovs.vsctl('set', 'bridge', 'br0', `${protocol}_enable=true`);
  for (const port of one.ports) await ovs.vsctl('add-port', 'br0', port);
  await one.netns.up('br0', `${addressOf(one)}/24`);
  return ovs;
}

/** Every two reach each other. */
async function expectConnected(switches: Iterable<Switch>, timeoutMs = 40_000): Promise<void> {
  const all = [...switches];
  const end = Date.now() + timeoutMs;
  for (const [n, from] of all.entries()) {
    for (const to of all.slice(n + 1)) {
      const isReached = await reaches(from.netns, addressOf(to), Math.max(1000, end - Date.now()));
      expect(isReached, `${from.name} -> ${to.name}`).toBe(true);
    }
  }
}

/** Broadcasts from each switch's own interface: no segment sees one twice, and all but the blocked see each. */
async function expectOneTree(lab: Lab, switches: Iterable<Switch>): Promise<void> {
  const all = [...switches];
  const captures = await Promise.all(
    all.flatMap(({ netns, ports, name }) =>
      ports
        .filter((port) => port[0] === name && port[0] < port[1])
        .map((port) => Capture.start(netns, port, join(lab.dir, port), 'ether', 'proto', `0x${TEST_TYPE}`)),
    ),
  );
  for (const { netns, name } of all) {
    const source = `0200000000${name.charCodeAt(0).toString(16)}`;
    const hex = `ffffffffffff${source}${TEST_TYPE}${'00'.repeat(46)}`;
    await sendFrames(netns, 'br0', [{ hex, count: BROADCASTS }]);
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const capture of captures) {
    const frames = await capture.stop();
    const bySource = new Map<string, number>();
    for (const line of frames) {
      const source = /(02:00:00:00:00:\w\w) >/.exec(line)?.[1] ?? line;
      bySource.set(source, (bySource.get(source) ?? 0) + 1);
    }
    // A segment with one end blocked hears its designated bridge, and nothing of what the other one originates.
    for (const [source, count] of bySource) expect({ source, count }).toEqual({ source, count: BROADCASTS });
    expect(bySource.size).toBeGreaterThan(0);
  }
}

const rolesOf = async (daemon: Taploomd | undefined) =>
  Object.fromEntries(
    ((await daemon?.ports()) ?? [])
      .filter(({ stp }) => stp !== undefined)
      .map(({ name, stp }: PortStatus) => [name, `${stp?.role} ${stp?.state}`]),
  );

async function settles(one: Switch, roles: Record<string, string>, timeoutMs = 15_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    const found = await rolesOf(one.daemon);
    if (Object.entries(roles).every(([port, role]) => found[port] === role)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await rolesOf(one.daemon)).toMatchObject(roles);
}

/** Lost pings in a row of pings every 5 ms, while `act` happens. */
async function lossOf(from: Netns, to: string, act: () => Promise<void>): Promise<number> {
  const running = ping(from, to, { count: 600, intervalSeconds: 0.005, waitSeconds: 1 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  await act();
  const { sent, received } = await running;
  return (sent - received) * 5;
}

test('a ring of three Taplooms in RSTP: one tree, and a cut link costs less than 100 ms', async () => {
  const lab = await openLab();
  const switches = await mesh(lab, 'abc');
  const [a, b, c] = switches.values();
  for (const [n, one] of [a, b, c].entries())
    await taploom(lab, one, { protocol: 'rstp', priority: 4096 * (n + 1) });
  await settles(c, { ca: 'root forwarding', cb: 'alternate blocking' });
  await settles(b, { ba: 'root forwarding', bc: 'designated forwarding' });
  await expectConnected(switches.values());
  await expectOneTree(lab, switches.values());

  const shown = (await c.daemon?.cli('show')) ?? '';
  expect(shown).toMatch(/spanning tree rstp, root 1000\.\w{12}, behind ca, cost 2000/);
  expect(shown).toMatch(/cb +af_packet +up .*alternate blocking/);
  expect(shown).toMatch(/cb does not forward: a second way to the root: bridge 2000\.\w{12} is nearer/);

  const losses: number[] = [];
  for (let round = 0; round < 3; round++) {
    const loss = await lossOf(c.netns, addressOf(a), () => a.netns.ip('link set dev ac down'));
    losses.push(loss);
    await settles(c, { ca: 'disabled disabled', cb: 'root forwarding' });
    await a.netns.ip('link set dev ac up');
    await settles(c, { ca: 'root forwarding', cb: 'alternate blocking' });
  }
  console.log(`cut link: lost ${losses.join(', ')} ms`);
  expect(Math.min(...losses)).toBeLessThanOrEqual(100);
  await expectOneTree(lab, switches.values());

  const metrics = await c.daemon?.metrics();
  expect(metrics?.get('taploom_stp_port_role{bridge="br0",port="ca",role="root"}')).toBe(1);
  expect(metrics?.get('taploom_stp_root_path_cost{bridge="br0"}')).toBe(2000);
});

test('a ring with the kernel and Open vSwitch in STP: one tree, which heals, and follows a new root', async () => {
  const lab = await openLab();
  const switches = await mesh(lab, 'abc');
  const [a, b, c] = switches.values();
  await kernelBridge(a, 4096);
  await openVSwitch(lab, b, 'stp', 8192);
  const daemon = await taploom(lab, c, { protocol: 'stp', priority: 12_288, ...QUICK });
  await settles(c, { ca: 'root forwarding', cb: 'alternate blocking' }, 30_000);
  await expectConnected(switches.values());
  await expectOneTree(lab, switches.values());

  await a.netns.ip('link set dev ac down');
  await settles(c, { cb: 'root forwarding' }, 30_000);
  await expectConnected(switches.values());
  await a.netns.ip('link set dev ac up');
  await settles(c, { ca: 'root forwarding', cb: 'alternate blocking' }, 30_000);

  // Told to be the root.
  expect((await daemon.brctl('setbridgeprio', 'br0', '0')).code).toBe(0);
  await settles(c, { ca: 'designated forwarding', cb: 'designated forwarding' }, 30_000);
  await expectConnected(switches.values());
  await expectOneTree(lab, switches.values());
  expect(await a.netns.check(['brctl', 'showstp', 'br0'])).toMatch(
    /designated root\t0000\.02005e100063\n root port\t\t {3}2\t/,
  );
});

test('a mesh of four, RSTP with Open vSwitch, and STP of the kernel: one tree, also when a bridge is killed', async () => {
  const lab = await openLab();
  const switches = await mesh(lab, 'abcd');
  const [a, b, c, d] = switches.values();
  const daemon = await taploom(lab, a, { protocol: 'rstp', priority: 4096, ...QUICK });
  await taploom(lab, b, { protocol: 'rstp', priority: 8192, ...QUICK });
  const ovs = await openVSwitch(lab, c, 'rstp', 12_288);
  await kernelBridge(d, 16_384);
  // A port on its way to forwarding is silent for twice the forward delay, while all reach each other by other ways.
  const allSettle = async () => {
    await expect
      .poll(() => d.netns.check(['bridge', 'link']), SLOW)
      .not.toMatch(/state (listening|learning)/);
    await expect.poll(() => ovs.appctl('rstp/show', 'br0'), SLOW).not.toMatch(/Learning/);
    await settles(
      a,
      { ab: 'designated forwarding', ac: 'designated forwarding', ad: 'designated forwarding' },
      40_000,
    );
  };
  // A way costs the kernel 2 where it costs RSTP 2,000: so d is nearer to the root than b.
  await settles(b, { ba: 'root forwarding', bc: 'designated forwarding', bd: 'alternate blocking' }, 40_000);
  await expectConnected(switches.values());
  await allSettle();
  await expectOneTree(lab, switches.values());
  const spoken = (await b.daemon?.ports())?.map(({ name, stp }) => [name, stp?.protocol]);
  expect(spoken).toEqual(
    expect.arrayContaining([
      ['bc', 'rstp'],
      ['bd', 'stp'],
    ]),
  );

  // The links stay up, and the root says nothing any more.
  daemon.process.kill('SIGKILL');
  await settles(b, { bc: 'designated forwarding', bd: 'designated forwarding' }, 40_000);
  const others = [b, c, d];
  await expectConnected(others);
  // It comes back, and nobody sees a loop meanwhile.
  await taploom(lab, a, { protocol: 'rstp', priority: 4096, ...QUICK });
  await settles(b, { ba: 'root forwarding' }, 40_000);
  await expectConnected(switches.values());
  await allSettle();
  await expectOneTree(lab, switches.values());
});

test('a restart in a ring opens no loop: ports begin blocked', async () => {
  const lab = await openLab();
  const switches = await mesh(lab, 'abc');
  const [a, b, c] = switches.values();
  for (const [n, one] of [a, b, c].entries())
    await taploom(lab, one, { protocol: 'rstp', priority: 4096 * (n + 1) });
  await settles(c, { ca: 'root forwarding', cb: 'alternate blocking' });
  const capture = await Capture.start(b.netns, 'bc', join(lab.dir, 'bc'), 'ether', 'proto', `0x${TEST_TYPE}`);
  const source = '020000000061';
  const hex = `ffffffffffff${source}${TEST_TYPE}${'00'.repeat(46)}`;
  for (let n = 0; n < 2; n++) {
    c.daemon?.process.kill('SIGKILL');
    await c.daemon?.process.exited;
    const starting = taploom(lab, c, { protocol: 'rstp', priority: 12_288 });
    for (let k = 0; k < 5; k++) await sendFrames(a.netns, 'br0', [{ hex }]);
    await starting;
    await settles(c, { ca: 'root forwarding', cb: 'alternate blocking' });
  }
  // A loop would show each of them thousands of times.
  expect((await capture.stop()).length).toBeLessThanOrEqual(10);
});

test('a link that carries frames one way only is closed: its neighbour disputes', async () => {
  const lab = await openLab();
  const switches = await mesh(lab, 'abc');
  const [a, b, c] = switches.values();
  await taploom(lab, a, { protocol: 'rstp', priority: 4096 });
  await taploom(lab, b, { protocol: 'rstp', priority: 8192 });
  await taploom(lab, c, { protocol: 'rstp', priority: 12_288 });
  await settles(c, { ca: 'root forwarding', cb: 'alternate blocking' });
  // From now on nothing that b sends comes to c.
  // A bucket that no frame fits into.
  const tooSmall = ['tbf', 'rate', '1kbit', 'burst', '32', 'limit', '64'];
  await b.netns.check(['tc', 'qdisc', 'add', 'dev', 'bc', 'root', ...tooSmall]);
  // After three hello times c opens its end, says so, and b hears that it was not heard.
  const isDisputed = async () => {
    const stp = (await b.daemon?.port('bc'))?.stp;
    return stp?.state === 'blocking' && stp.reason === 'its neighbour does not hear it, or it hears itself';
  };
  await b.daemon?.until('dispute', isDisputed, 60_000);
});

test('a guest that floods BPDUs delays nobody, and a BPDU guard closes its port', async () => {
  const lab = await openLab();
  const switches = await mesh(lab, 'abc');
  const [a, b, c] = switches.values();
  const guest = await lab.netns('g');
  await guest.withoutIpv6();
  await lab.veth(c.netns, 'cg', guest, 'eth0');
  c.ports.push('cg');
  for (const [n, one] of [a, b, c].entries())
    await taploom(lab, one, { protocol: 'rstp', priority: 4096 * (n + 1) });
  await settles(c, { ca: 'root forwarding', cb: 'alternate blocking', cg: 'designated forwarding' });
  // RST BPDUs of a bridge that is worse than ours.
  const bpdu = `0180c2000000020000000067002742420300000202 0e f000020000000067 00000000 f000020000000067 8001 0000 1400 0200 0f00 00`;
  const hex = bpdu.replaceAll(' ', '').padEnd(120, '0');
  const flood = sendFrames(guest, 'eth0', [{ hex, count: 50_000 }]);
  const loss = await lossOf(c.netns, addressOf(a), () => a.netns.ip('link set dev ac down'));
  await settles(c, { cb: 'root forwarding' });
  await flood;
  console.log(`cut link beside a flood of BPDUs: lost ${loss} ms`);
  // Three hello times would be 6,000.
  expect(loss).toBeLessThan(1_000);
  const flooded = await c.daemon?.port('cg');
  expect(flooded?.counters.receiveDropped.punt_limit).toBeGreaterThan(10_000);
  expect(flooded?.stp?.counters.bpdusReceived).toBeLessThan(2_000);

  await c.daemon?.request('PATCH', '/v1/bridges/br0/ports/cg', { stp: { guard: 'bpdu' } });
  await sendFrames(guest, 'eth0', [{ hex }]);
  await settles(c, { cg: 'disabled disabled' });
  expect((await c.daemon?.port('cg'))?.stp?.reason).toBe('BPDU guard: it received a BPDU');
  expect(await c.daemon?.cli('events', '--type', 'stp')).toContain(
    'port cg is held back: it received a BPDU',
  );
});

/** What runs at every moment, at another place in every run. */
function withoutTimers(text: string): string {
  return text.replaceAll(/(\w+ timer)(\t+) *\d+\.\d\d/g, '$1$2');
}

test('brctl showstp says what bridge-utils says of a kernel bridge in the same place', async () => {
  const lab = await openLab();
  const shown: string[][] = [];
  for (const kind of ['kernel', 'taploom'] as const) {
    const [root, own, host] = await lab.netnsList(['r', 'k', 'h'].map((name) => `${name}-${kind}`));
    for (const netns of [root, own, host]) await netns.withoutIpv6();
    await lab.veth(own, 'k1', root, 'r1');
    await lab.veth(own, 'k2', root, 'r2');
    await lab.veth(own, 'k3', host, 'eth0');
    await root.ip(
      'link add br0 address 02:00:5e:10:00:72 type bridge stp_state 1 forward_delay 400 hello_time 200 max_age 600 priority 4096',
      'link set dev r1 master br0',
      'link set dev r2 master br0',
      'link set dev br0 up',
    );
    const one: Switch = { name: 'k', netns: own, ports: ['k1', 'k2', 'k3'] };
    let brctl: (...args: string[]) => Promise<string>;
    if (kind === 'kernel') {
      await own.ip(`link add br0 address ${macOf(one)} type bridge stp_state 0`, 'link set dev br0 up');
      for (const port of one.ports) await own.ip(`link set dev ${port} master br0`);
      // With a /sys of its own: what brctl gets by ioctl instead is in ticks of the kernel here and there.
      brctl = (...args) => check(['ip', 'netns', 'exec', own.name, 'brctl', ...args]);
    } else {
      const daemon = await taploom(lab, one, false);
      brctl = async (...args) => (await daemon.brctl(...args)).stdout;
    }
    for (const command of ['setfd br0 10', 'setpathcost br0 k2 7', 'setportprio br0 k3 4', 'stp br0 on'])
      await brctl(...command.split(' '));
    // While the topology changes the kernel shows that, and another ageing time. A hello may wait for its turn.
    const settled = async (states: RegExp) => {
      const end = Date.now() + 60_000;
      for (;;) {
        const text = await brctl('showstp', 'br0');
        if (states.test(text) && !/TOPOLOGY_CHANGE|CONFIG_PENDING/.test(text)) return text;
        if (Date.now() > end) throw new Error(`does not settle:\n${text}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    };
    const text = await settled(/k1 [\s\S]*forwarding[\s\S]*k2 [\s\S]*blocking[\s\S]*k3 [\s\S]*forwarding/);
    // The root goes, link by link: this one is it now.
    await root.ip('link set dev r1 down');
    await settled(/k1 [\s\S]*disabled[\s\S]*k2 [\s\S]*forwarding/);
    await root.ip('link set dev r2 down');
    const alone = await settled(/k1 [\s\S]*disabled[\s\S]*k2 [\s\S]*disabled[\s\S]*k3 [\s\S]*forwarding/);
    shown.push([text, alone].map(withoutTimers));
  }
  expect(shown[1]).toEqual(shown[0]);
});

test('the example of docs/stp.md', async () => {
  const page = readFileSync(new URL('../../docs/stp.md', import.meta.url), 'utf8');
  const text = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? '';
  const lab = await openLab();
  const [sw, root] = await lab.netnsList(['sw', 'root']);
  await root.withoutIpv6();
  for (const n of [1, 2]) await lab.veth(sw, `eth${n}`, root, `r${n}`);
  await kernelBridge({ name: 'r', netns: root, ports: ['r1', 'r2'] }, 4096);
  const daemon = await Taploomd.start(lab, sw, loadConfig(text, 'stp.md'));
  const one: Switch = { name: 's', netns: sw, ports: [], daemon };
  await settles(one, { eth1: 'root forwarding', eth2: 'alternate blocking' }, 40_000);
  await sw.up('vm1');
  await settles(one, { vm1: 'designated forwarding' });
  expect((await daemon.port('vm1')).stp?.isEdge).toBe(true);
  const shown = await daemon.cli('port', 'show', 'br0');
  for (const line of ['root forwarding', 'alternate blocking', 'designated forwarding'])
    expect(shown).toContain(line);
  expect(shown).toMatch(/eth2 does not forward: a second way to the root: bridge 1000\.\w{12} is nearer/);
});
