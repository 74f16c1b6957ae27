// Everything goes and comes back, again and again, under traffic: interfaces, names, namespaces, addresses, MTUs, the daemon.
// After each quiet second the switch is what the configuration says, and everybody reaches everybody. In the end nothing
// is left behind. CHAOS_SECONDS (default 60) is how long, CHAOS_SEED repeats a run.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { check } from '../support/process.ts';
import { seedOf } from '../support/seed.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping } from '../support/traffic.ts';

needs('ping', 'iperf3');

const SECONDS = Number(process.env.CHAOS_SECONDS ?? 60);
const SEED = seedOf(process.env.CHAOS_SEED);
const [TAPS, VETHS, TUNNELS] = [8, 8, 4];
/** How long the switch has to become what it should be. */
const QUIET = 1000;

/** A host on the switch. */
interface Host {
  netns: Netns;
  device: string;
  address: string;
  /** Breaks it, and mends it again. */
  upset: () => Promise<void>;
}

/** mulberry32: the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

class Chaos {
  readonly hosts: Host[] = [];
  readonly ports: Record<string, object> = {};
  daemon!: Taploomd;
  private readonly lab: Lab;
  readonly sw: Netns;
  private readonly below: (below: number) => number;
  readonly log: string[] = [];

  constructor(lab: Lab, sw: Netns, below: (below: number) => number) {
    this.lab = lab;
    this.sw = sw;
    this.below = below;
  }

  get config(): object {
    return { version: 1, bridges: { br0: { ports: this.ports } } };
  }

  async start(): Promise<void> {
    const args = ['--state', `${this.lab.dir}/state.json`];
    const socket = this.daemon?.socket;
    this.daemon = await Taploomd.start(this.lab, this.sw, this.config, { args, socket });
  }

  pick<T>(things: readonly T[]): T {
    return things[this.below(things.length)];
  }

  async addTap(i: number): Promise<void> {
    const netns = await this.lab.netns(`t${i}`);
    const name = `t${i}`;
    this.ports[name] = { type: 'tap', netns: netns.name, mac: macOf(`10.0.1.${i + 1}`) };
    const upset = () =>
      this.one(name, [
        ['delete the TAP', () => netns.ip(`link del ${name}`)],
        [
          'rename the TAP',
          () =>
            netns.ip(
              `link set ${name} down`,
              `link set ${name} name x`,
              `link set x name ${name}`,
              `link set ${name} up`,
            ),
        ],
        ['new namespace', () => this.renew(netns)],
        ['namespace away for a while', () => this.renew(netns, 300)],
        ['another MTU', () => netns.ip(`link set ${name} mtu 1400`, `link set ${name} mtu 1500`)],
      ]);
    this.hosts.push({ netns, device: name, address: `10.0.1.${i + 1}`, upset });
  }

  async addVeth(i: number): Promise<void> {
    const netns = await this.lab.netns(`v${i}`);
    const name = `v${i}`;
    this.ports[name] = { type: 'af_packet' };
    await this.lab.veth(this.sw, name, netns, 'e');
    const upset = () =>
      this.one(name, [
        ['delete the veth', () => this.remakeVeth(name, netns, 0)],
        ['veth away for a while', () => this.remakeVeth(name, netns, 300)],
        [
          'rename the veth',
          () =>
            this.sw.ip(
              `link set ${name} down`,
              `link set ${name} name x${i}`,
              `link set x${i} name ${name}`,
              `link set ${name} up`,
            ),
        ],
        [
          'move the veth',
          async () => {
            await this.sw.ip(`link set ${name} netns ${netns.name}`);
            await sleep(this.below(200));
            await netns.ip(`link set ${name} netns ${this.sw.name}`);
            await this.sw.ip(`link set ${name} up`);
          },
        ],
        ['jumbo veth', () => this.sw.ip(`link set ${name} mtu 9000`, `link set ${name} mtu 1500`)],
        ['down and up', () => this.sw.ip(`link set ${name} down`, `link set ${name} up`)],
      ]);
    this.hosts.push({ netns, device: 'e', address: `10.0.2.${i + 1}`, upset });
  }

  async addTunnel(i: number): Promise<void> {
    const netns = await this.lab.netns(`r${i}`);
    const [name, under] = [`x${i}`, `u${i}`];
    const [local, remote] = [`192.0.2.${4 * i + 1}`, `192.0.2.${4 * i + 2}`];
    this.ports[name] = { type: 'vxlan', vni: 100 + i, local, remotes: [remote], hairpin: true };
    await this.lab.veth(this.sw, under, netns, 'u');
    await this.sw.up(under, `${local}/30`);
    await netns.up('u', `${remote}/30`);
    await netns.ip(
      `link add e type vxlan id ${100 + i} local ${remote} remote ${local} dstport 4789`,
      'link set e up',
    );
    const upset = () =>
      this.one(name, [
        [
          'address of the tunnel away',
          async () => {
            await this.sw.ip(`addr del ${local}/30 dev ${under}`);
            await sleep(this.below(300));
            await this.sw.ip(`addr add ${local}/30 dev ${under}`);
          },
        ],
        ['underlay down and up', () => this.sw.ip(`link set ${under} down`, `link set ${under} up`)],
        ['underlay smaller', () => this.sw.ip(`link set ${under} mtu 1450`, `link set ${under} mtu 1500`)],
      ]);
    this.hosts.push({ netns, device: 'e', address: `10.0.3.${i + 1}`, upset });
  }

  async upsetSwitch(): Promise<void> {
    const mac = `02:00:00:00:01:${(16 + this.below(200)).toString(16)}`;
    await this.one('switch', [
      ['kill -9', () => this.restart('SIGKILL')],
      ['restart', () => this.restart('SIGTERM')],
      ['reload', async () => void this.daemon.process.kill('SIGHUP')],
      ['address of br0', () => this.sw.ip(`link set br0 address ${mac}`)],
      ['br0 down and up', () => this.sw.ip('link set br0 down', 'link set br0 up')],
    ]);
  }

  /** TCP from one tunnel to another until the end, less than the machine can do. */
  async talk(): Promise<void> {
    const [to, from] = this.hosts.slice(-2);
    const server = to.netns.spawn(['iperf3', '-s', '-1', '--forceflush']);
    await server.waitFor(/listening/);
    from.netns.spawn(['iperf3', '-c', to.address, '-t', String(SECONDS + 60), '-b', '100M']);
  }

  /** Everybody's addresses, which went with their interfaces. */
  async equip(): Promise<void> {
    await Promise.all(
      this.hosts.map(({ netns, device, address }) =>
        netns.ip(
          'link set lo up',
          `link set ${device} address ${macOf(address)} mtu 1400 up`,
          `addr replace ${address}/16 dev ${device}`,
        ),
      ),
    );
  }

  /** Everybody pings two others. */
  async everybodyReaches(): Promise<void> {
    const failures = await Promise.all(
      this.hosts.map(async ({ netns, address: from }, i) => {
        const to = this.hosts[(i + 1 + this.below(this.hosts.length - 1)) % this.hosts.length].address;
        const { received } = await ping(netns, to, { count: 5, intervalSeconds: 0.2, waitSeconds: 1 });
        return received > 0 ? undefined : `${from} does not reach ${to}`;
      }),
    );
    expect(failures.filter((one) => one !== undefined)).toEqual([]);
  }

  async isAsWanted(): Promise<void> {
    const wanted = [...Object.keys(this.ports), 'br0'].sort();
    let ports = await this.daemon.ports();
    // The machine may be slow; what does not come in ten seconds does not come.
    for (const end = Date.now() + 10_000; Date.now() < end && ports.some(({ state }) => state !== 'up'); ) {
      await sleep(50);
      ports = await this.daemon.ports();
    }
    expect(
      ports.filter(({ state }) => state !== 'up').map(({ name, state, reason }) => ({ name, state, reason })),
    ).toEqual([]);
    expect(ports.map(({ name }) => name).sort()).toEqual(wanted);
    expect(await this.daemon.get('/v1/config')).toMatchObject(this.config);
  }

  private async one(name: string, deeds: [string, () => Promise<void>][]): Promise<void> {
    const [what, deed] = this.pick(deeds);
    this.log.push(`${name}: ${what}`);
    await deed();
  }

  private async restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.daemon.process.stop(signal);
    await this.start();
  }

  private async renew(netns: Netns, pause = 0): Promise<void> {
    await check(['ip', 'netns', 'del', netns.name]);
    await sleep(pause);
    await check(['ip', 'netns', 'add', netns.name]);
  }

  private async remakeVeth(name: string, netns: Netns, pause: number): Promise<void> {
    await this.sw.ip(`link del ${name}`);
    await sleep(pause);
    await this.lab.veth(this.sw, name, netns, 'e');
  }
}

/** The same for ever, as a host's is: its neighbours remember it. */
function macOf(address: string): string {
  const [, , a, b] = address.split('.');
  return `02:00:00:00:0${a}:0${b}`;
}

/** What a process holds: descriptors, and bytes that are its own. */
function holdings(pid: number): { fds: number; memory: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]);
  return { fds: readdirSync(`/proc/${pid}/fd`).length, memory: kilobytes * 1024 };
}

test(
  `everything comes back, for ${SECONDS} s (CHAOS_SEED=${SEED})`,
  async () => {
    const lab = await openLab();
    const chaos = new Chaos(lab, await lab.netns('sw'), random(SEED));
    await chaos.sw.withoutIpv6();
    for (let i = 0; i < TAPS; i++) await chaos.addTap(i);
    for (let i = 0; i < VETHS; i++) await chaos.addVeth(i);
    for (let i = 0; i < TUNNELS; i++) await chaos.addTunnel(i);
    await chaos.start();
    const settle = async () => {
      await sleep(QUIET);
      await chaos.isAsWanted();
      await chaos.equip();
      await chaos.everybodyReaches();
    };
    const end = Date.now() + SECONDS * 1000;
    try {
      await settle();
      let first = holdings(chaos.daemon.process.pid);
      let pid = chaos.daemon.process.pid;
      await chaos.talk();
      while (Date.now() < end) {
        // Each once: what was deleted a moment ago cannot be renamed.
        const victims = new Set([1, 2, 3, 4].map(() => chaos.pick(chaos.hosts)));
        for (const victim of victims) {
          if (chaos.pick([0, 0, 0, 0, 1]) === 1) await chaos.upsetSwitch();
          await victim.upset();
        }
        await settle();
        const now = holdings(chaos.daemon.process.pid);
        // A new process is measured against itself.
        if (chaos.daemon.process.pid !== pid) [first, pid] = [now, chaos.daemon.process.pid];
        expect(now.fds - first.fds).toBeLessThanOrEqual(2);
        expect(now.memory - first.memory).toBeLessThan(60 << 20);
      }
    } catch (error) {
      console.error(`CHAOS_SEED=${SEED}, after:\n${chaos.log.slice(-12).join('\n')}`);
      throw error;
    }
    expect(chaos.log.length).toBeGreaterThan(0);
  },
  (SECONDS + 120) * 1000,
);
