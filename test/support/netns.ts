// A network namespace of a test, and commands inside it.

import type { Lab } from './lab.ts';
import { NETNS_DIR } from './orphans.ts';
import { type Background, check, type RunOptions, type RunResult, runCommand } from './process.ts';

export interface LinkStatus {
  ifname: string;
  address: string;
  mtu: number;
  flags: string[];
  operstate: string;
  stats64: Record<'rx' | 'tx', { bytes: number; packets: number; errors: number; dropped: number }>;
}

export class Netns {
  readonly name: string;
  readonly path: string;
  private readonly lab: Lab;

  constructor(lab: Lab, name: string) {
    this.lab = lab;
    this.name = name;
    this.path = `${NETNS_DIR}/${name}`;
  }

  /** The command line that runs `command` inside. nsenter, unlike `ip netns exec`, becomes the command: one pid. */
  inside(command: readonly string[]): string[] {
    return ['nsenter', `--net=${this.path}`, '--', ...command];
  }

  run(command: readonly string[], options?: RunOptions): Promise<RunResult> {
    return runCommand(this.inside(command), options);
  }

  check(command: readonly string[], options?: RunOptions): Promise<string> {
    return check(this.inside(command), options);
  }

  spawn(command: readonly string[], options?: RunOptions): Background {
    return this.lab.spawn(this.inside(command), options);
  }

  /** Several `ip` commands, one for each line, without their leading `ip`. */
  async ip(...lines: string[]): Promise<void> {
    await check(['ip', '-n', this.name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Takes a device up with its addresses. IPv6 without duplicate address detection: it would cost two seconds. */
  async up(device: string, ...addresses: string[]): Promise<void> {
    const add = addresses.map(
      (address) => `addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`,
    );
    await this.ip('link set dev lo up', ...add, `link set dev ${device} up`);
  }

  async link(device: string): Promise<LinkStatus> {
    const text = await check(['ip', '-n', this.name, '-j', '-s', 'link', 'show', 'dev', device]);
    return JSON.parse(text)[0];
  }

  async hasLink(device: string): Promise<boolean> {
    return (await runCommand(['ip', '-n', this.name, 'link', 'show', 'dev', device])).code === 0;
  }

  /** No router solicitations, MLD reports and the like: for tests that count every frame. */
  async withoutIpv6(): Promise<void> {
    await this.sysctl('net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
  }

  async sysctl(...settings: string[]): Promise<void> {
    await this.check(['sysctl', '-q', '-w', ...settings]);
  }

  /** The kernel's SNMP counters of this namespace by name, e.g. `TcpInCsumErrors`. Absent means zero. */
  async snmp(): Promise<Record<string, number>> {
    const rows = (await this.check(['nstat', '-asz'])).split('\n').filter((line) => !line.startsWith('#'));
    const pairs = rows.map((line) => line.split(/\s+/)).filter((words) => words.length >= 2);
    return Object.fromEntries(pairs.map(([name, value]) => [name, Number(value)]));
  }

  /** Sum of all checksum errors the kernel has seen here, whatever the protocol. */
  async checksumErrors(): Promise<number> {
    const counters = Object.entries(await this.snmp());
    return counters.filter(([name]) => /CsumErrors?$/.test(name)).reduce((sum, [, value]) => sum + value, 0);
  }
}
