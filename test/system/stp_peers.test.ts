// Spanning tree with the kernel's STP, and with Open vSwitch's STP and RSTP.

import { expect, test, vi } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { check } from '../support/process.ts';
import {
  expectConnected,
  expectOneTree,
  kernelBridge,
  macOf,
  mesh,
  openVSwitch,
  QUICK,
  type Switch,
  settles,
  taploom,
} from '../support/spanning_tree.ts';

vi.setConfig({ testTimeout: 180_000 });
needs('tcpdump', 'ovs-vswitchd', 'ovsdb-tool', 'brctl');

const SLOW = { timeout: 40_000, interval: 200 };

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

/** What runs at every moment, at another place in every run. */
function withoutTimers(text: string): string {
  return text.replaceAll(/(\w+ timer)(\t+) *\d+\.\d\d/g, '$1$2');
}

test('brctl showstp says what bridge-utils says of a kernel bridge in the same place', async () => {
  const lab = await openLab();
  const shownBy = async (kind: 'kernel' | 'taploom') => {
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
    return [text, alone].map(withoutTimers);
  };
  const [kernel, ours] = await Promise.all([shownBy('kernel'), shownBy('taploom')]);
  expect(ours).toEqual(kernel);
});
