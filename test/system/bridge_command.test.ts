// `bridge` of iproute2 on a kernel bridge, and taploom-bridge on taploomd with the same interfaces: the same output, errors
// and exit codes, byte for byte. VLANs, for which the kernel needs more than machines have: test/cli/bridge/vlan.test.ts.

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BATCH, GROUPS, LINKS, NO_GROUPS, STATIONS } from '../support/bridge_steps.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import type { Background, RunResult } from '../support/process.ts';
import { program, Taploomd } from '../support/taploomd.ts';

needs('ping');

type Bridge = (...args: string[]) => Promise<RunResult>;
/** Carries out commands one after the other, in one process. */
type Batch = (options: string[], commands: readonly string[]) => Promise<RunResult>;

const PORTS = ['t1', 't2', 'e1', 'e2'];

/** Two TAPs and two cables whose other ends are here, too, in the same order, so that they have the same numbers. */
async function wire(sw: Netns): Promise<void> {
  await sw.withoutIpv6();
  await sw.ip(
    'tuntap add t1 mode tap',
    'tuntap add t2 mode tap',
    'link add e1 type veth peer name e1p address 02:00:00:00:00:99',
    'link add e2 type veth peer name e2p',
    ...['e1', 'e2', 'e1p', 'e2p'].map((name) => `link set ${name} up`),
    'addr add 10.0.0.1/24 dev e1p',
  );
}

async function openBoth() {
  const lab = await openLab();
  const [there, sw] = await lab.netnsList(['kernel', 'sw']);
  await wire(there);
  await wire(sw);
  await there.ip(
    'link add br0 type bridge forward_delay 0 mcast_snooping 0',
    ...PORTS.map((port) => `link set ${port} master br0`),
    'link set br0 up',
  );
  const attached = PORTS.map((name) => [name, { type: 'af_packet' }]);
  const bridges = { br0: { ports: Object.fromEntries(attached) } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges });
  const kernel: Bridge = (...args) => there.run(['bridge', ...args]);
  const ours: Bridge = (...args) => daemon.bridge(...args);
  const input = (commands: readonly string[]) => commands.map((command) => `${command}\n`).join('');
  const batches: { kernel: Batch; ours: Batch } = {
    kernel: (options, commands) =>
      there.run(['bridge', ...options, '-batch', '-'], { input: input(commands) }),
    ours: (options, commands) =>
      sw.run([process.execPath, program('bridge'), ...options, '-batch', '-'], {
        input: input(commands),
        env: { TAPLOOM_SOCKET: daemon.socket },
      }),
  };
  return { kernel, ours, batches, daemon, netns: [there, sw] };
}

type Told = RunResult | { rows: string[]; stderr: string; code: number | null };

/** What each step printed, one after the other. */
async function transcript(bridge: Bridge, steps: readonly string[], see: (result: RunResult) => Told) {
  const lines: object[] = [];
  for (const step of steps) lines.push({ step, ...see(await bridge(...step.split(' '))) });
  return lines;
}

test('bridge link', async () => {
  const { kernel, ours } = await openBoth();
  const as = (result: RunResult) => result;
  expect(await transcript(ours, LINKS, as)).toEqual(await transcript(kernel, LINKS, as));
}, 600_000);

test('a batch, and the same from another namespace', async () => {
  const { batches, ours, daemon, netns } = await openBoth();
  const both = async (options: string[], commands: readonly string[]) => {
    const [theirs, ours] = [await batches.kernel(options, commands), await batches.ours(options, commands)];
    expect(ours).toEqual(theirs);
  };
  await both(['-d', '-force'], BATCH);
  await both(['-j'], ['link show dev e1', '', 'fdb show br nope', 'link show dev e2']);
  await both(['-force'], ['link show dev e1', 'link set dev e1 guard', 'link show dev e2']);
  await both(['-force'], ['link show dev e1', 'link show "dev', 'link show dev e2']);

  const [there, sw] = netns;
  const command = [process.execPath, program('bridge'), '-netns', sw.name, 'link'];
  expect(await there.run(command, { env: { TAPLOOM_SOCKET: daemon.socket } })).toEqual(await ours('link'));
}, 60_000);

/** Without the addresses of ports, which our bridge does not take for its own, without an order, and without times. */
function stations({ stdout, ...rest }: RunResult): Told {
  if (stdout.startsWith('[')) {
    const rows = (JSON.parse(stdout) as { state: string }[]).filter(({ state }) => state !== 'permanent');
    const text = rows.map((row) => JSON.stringify(row).replaceAll(/"(used|updated)":\d+/g, '"$1":0'));
    return { rows: text.sort(), ...rest };
  }
  const lines = stdout.split('\n').filter((line) => !line.endsWith('permanent'));
  return { rows: lines.map((line) => line.replace(/used \d+\/\d+/, 'used 0/0')).sort(), ...rest };
}

test('bridge fdb', async () => {
  const { kernel, ours, netns } = await openBoth();
  // nobody answers, but the switch has learned who asks
  const ping = ['ping', '-c', '1', '-W', '1', '-I', 'e1p', '10.0.0.9'];
  await Promise.all(netns.map((where) => where.run(ping)));
  expect(await transcript(ours, STATIONS, stations)).toEqual(await transcript(kernel, STATIONS, stations));
}, 600_000);

/** Without an order and times. Who made a temporary entry is not kept, nor are the kernel's own groups of the link ours. */
function groups({ stdout, ...rest }: RunResult): Told {
  const plain = (text: string) =>
    text
      .replaceAll(/"index":\d+,/g, '')
      .replaceAll(/\d+\.\d\d(?!\.)/g, 'T')
      .replace(/(temp.*)static/, '$1kernel');
  if (!stdout.startsWith('[')) return { rows: stdout.split('\n').map(plain).sort(), ...rest };
  const [{ mdb, router }] = JSON.parse(stdout) as [{ mdb: object[]; router: object }];
  return { rows: [...mdb, router].map((row) => plain(JSON.stringify(row))).sort(), ...rest };
}

/** How long a host may take for its answer to a query, and until it says once more what it joined (IGMPv3 in Linux), s. */
const [RESPONSE, REPEATED] = [1, 1];

test('bridge mdb, with receivers that name sources', async () => {
  const { kernel, ours, batches, daemon, netns } = await openBoth();
  const [there] = netns;
  await there.ip(
    `link set br0 type bridge mcast_query_response_interval ${100 * RESPONSE}`,
    'link set br0 type bridge mcast_snooping 1 mcast_querier 1 mcast_igmp_version 3 mcast_mld_version 2',
    'link set e2 type bridge_slave mcast_router 2',
  );
  const settings = `snooping=on,querier=on,query_response_interval=${RESPONSE}`;
  await daemon.cli('bridge', 'set', 'br0', '--multicast', settings);
  await daemon.cli('port', 'set', 'br0', 'e2', '--mcast-router', 'permanent');
  const script = fileURLToPath(new URL('../support/group_receiver.py', import.meta.url));
  const receivers: Background[] = [];
  for (const where of netns) {
    for (const words of [
      ['e1p', '239.1.1.1'],
      ['e2p', '239.1.1.1', '10.0.0.9'],
      ['e2p', '232.1.1.1', '10.0.0.8'],
    ]) {
      const receiver = where.spawn(['/usr/bin/python3', script, ...words]);
      receivers.push(receiver);
      await receiver.waitFor(/joined/);
    }
  }
  for (const bridge of [kernel, ours])
    await daemon.until('all groups', async () => {
      const { stdout } = await bridge('mdb');
      return ['e1 grp 239.1.1.1 temp', 'src 10.0.0.9', 'src 10.0.0.8'].every((text) => stdout.includes(text));
    });
  // What hosts still answer to the first query, or say a second time, would bring back what is deleted.
  await sleep(1000 * (RESPONSE + REPEATED));
  expect(await transcript(ours, GROUPS, groups)).toEqual(await transcript(kernel, GROUPS, groups));
  expect(await batches.ours(['-force'], NO_GROUPS)).toEqual(await batches.kernel(['-force'], NO_GROUPS));
  expect(
    await ours('mdb', 'add', 'dev', 'br0', 'port', 't1', 'grp', '239.3.3.3', 'proto', 'zebra'),
  ).toMatchObject({
    code: 255,
    stderr:
      'Error: Taploom does not keep who made a group: its proto is "static" or "kernel", not "zebra".\n',
  });
  // Who answers a query now would be there again.
  for (const receiver of receivers) await receiver.stop();
  expect((await ours('mdb', 'flush', 'dev', 'br0')).code).toBe(0);
  expect((await ours('mdb', 'replace', ...'dev br0 port t1 grp 239.2.2.3 permanent'.split(' '))).code).toBe(
    0,
  );
  expect((await ours('mdb')).stdout).toBe('dev br0 port t1 grp 239.2.2.3 permanent\n');
}, 600_000);

test('a tunnel has its remotes and the stations behind them as entries of its own', async () => {
  const lab = await openLab();
  const sw = await lab.netns('sw');
  await sw.ip('addr add 192.0.2.1/24 dev lo');
  const daemon = await Taploomd.start(lab, sw, {
    version: 1,
    bridges: {
      br0: { ports: { vx: { type: 'vxlan', vni: 42, local: '192.0.2.1', remotes: ['192.0.2.2'] } } },
    },
  });
  const run = async (step: string) => {
    const { code, stderr } = await daemon.bridge(...step.split(' '));
    return `${code} ${stderr}`.trim();
  };
  expect(await run('fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.3')).toBe('0');
  expect(await run('fdb add 02:00:00:00:00:77 dev vx dst 192.0.2.3')).toBe('0');
  expect(await run('fdb del 00:00:00:00:00:00 dev vx dst 192.0.2.2')).toBe('0');
  expect(await run('fdb del 00:00:00:00:00:00 dev vx dst 192.0.2.9')).toBe(
    '255 RTNETLINK answers: No such file or directory',
  );
  expect(
    (await daemon.bridge('fdb', 'show', 'dev', 'vx')).stdout,
  ).toBe(`00:00:00:00:00:00 dst 192.0.2.3 self permanent
02:00:00:00:00:77 master br0 static
02:00:00:00:00:77 dst 192.0.2.3 self permanent
`);
  expect(await run('fdb del 02:00:00:00:00:77 dev vx dst 192.0.2.3')).toBe('0');
  expect((await daemon.bridge('fdb', 'show', 'dev', 'vx')).stdout).not.toContain(':77');
});

test('bridge monitor tells of ports, their flags and their VLANs, as they change', async () => {
  const lab = await openLab();
  const sw = await lab.netns('sw');
  await wire(sw);
  const port = { type: 'af_packet' };
  const daemon = await Taploomd.start(lab, sw, {
    version: 1,
    bridges: { br0: { vlan_filtering: true, ports: { e1: port, e2: port } } },
  });
  const command = [process.execPath, program('bridge'), '-d', '-t', 'monitor', 'all'];
  const monitor = sw.spawn(command, { env: { TAPLOOM_SOCKET: daemon.socket } });
  // it says nothing when it begins
  await daemon.until(
    'somebody listens',
    async () => {
      await daemon.bridge('link', 'set', 'dev', 'e1', 'hairpin', 'off');
      await daemon.bridge('link', 'set', 'dev', 'e1', 'hairpin', 'on');
      return monitor.stdout.includes('hairpin on');
    },
    30_000,
  );
  expect(monitor.stdout).toMatch(
    /^Timestamp: \w{3} \w{3} +\d+ [\d:]{8} \d{4} \d+ usec\n\[LINK\]\d+: e1@e1p: <.*> mtu 1500 master br0 state forwarding /m,
  );
  await daemon.bridge('vlan', 'add', 'dev', 'e1', 'vid', '10');
  await monitor.waitFor(/\[VLAN\]e1 +10\n +state forwarding mcast_router 1 \n/);
  await sw.ip('link set e2 down');
  await monitor.waitFor(/\[LINK\]\d+: e2@e2p: <.*> mtu 1500 master br0 state disabled /);
  await daemon.cli('port', 'del', 'br0', 'e2');
  await monitor.waitFor(/\[LINK\]Deleted \d+: e2@e2p: /);
}, 60_000);
