// A host between guests and the outside, for tests of the way out through its kernel.
//
//   guest g0 -- br0 (10.1.0.1) host eth0 (203.0.113.1) -- (203.0.113.2) o0 outside
//   other g0 -- br1 (10.2.0.1)

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Lab, openLab } from './lab.ts';
import type { Netns } from './netns.ts';
import type { Background } from './process.ts';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const PEER_ADDRESS = path('./peer_address.py');

export interface NetworkText {
  interface: string;
  mode: 'isolated' | 'host-only' | 'nat' | 'routed';
  subnets: string[];
  publish?: { protocol: 'tcp' | 'udp'; port: number; to: string; toPort: number }[];
}

export interface StatusText {
  uplinks: string[];
  isSetUp: boolean;
  problems: string[];
}

export class UplinkHost {
  readonly lab: Lab;
  readonly host: Netns;
  readonly guest: Netns;
  readonly other: Netns;
  readonly outside: Netns;
  readonly state: string;

  private constructor(lab: Lab, [host, guest, other, outside]: Netns[]) {
    this.lab = lab;
    this.host = host;
    this.guest = guest;
    this.other = other;
    this.outside = outside;
    this.state = join(lab.dir, 'state');
  }

  static async open(): Promise<UplinkHost> {
    const lab = await openLab();
    const all = await lab.netnsList(['host', 'guest', 'other', 'outside']);
    const one = new UplinkHost(lab, all);
    const { host, guest, other, outside } = one;
    const withoutDad = ['all', 'default'].map((which) => `net.ipv6.conf.${which}.accept_dad=0`);
    await Promise.all(all.map((netns) => netns.sysctl(...withoutDad)));
    await lab.veth(host, 'eth0', outside, 'o0');
    await lab.veth(host, 'br0', guest, 'g0');
    await lab.veth(host, 'br1', other, 'g0');
    await host.up('eth0', '203.0.113.1/24', '2001:db8::1/64');
    await host.up('br0', '10.1.0.1/24', 'fd00:1::1/64');
    await host.up('br1', '10.2.0.1/24', 'fd00:2::1/64');
    await outside.up('o0', '203.0.113.2/24', '2001:db8::2/64');
    await guest.up('g0', '10.1.0.2/24', 'fd00:1::2/64');
    await other.up('g0', '10.2.0.2/24', 'fd00:2::2/64');
    await host.ip('route add default via 203.0.113.2', 'route add ::/0 via 2001:db8::2');
    await guest.ip('route add default via 10.1.0.1', 'route add ::/0 via fd00:1::1');
    await other.ip('route add default via 10.2.0.1', 'route add ::/0 via fd00:2::1');
    // Whoever sends there unasked has a route to guests: only the host keeps it out.
    await outside.ip('route add 10.0.0.0/8 via 203.0.113.1', 'route add fd00::/8 via 2001:db8::1');
    return one;
  }

  /** Serves TCP: see peer_address.py. */
  async serve(at: Netns, port: number): Promise<void> {
    await at.spawn(['python3', PEER_ADDRESS, 'serve', `${port}`]).waitFor(/ready/);
  }

  /** What the server says who asks. */
  async ask(from: Netns, address: string, port: number): Promise<string> {
    return (await from.check(this.question(address, port, 10))).trim();
  }

  /** That no connection comes about. */
  async refuses(from: Netns, address: string, port: number): Promise<boolean> {
    return (await from.run(this.question(address, port, 0.3))).code !== 0;
  }

  private question(address: string, port: number, seconds: number): string[] {
    return ['python3', PEER_ADDRESS, 'ask', address, `${port}`, `${seconds}`];
  }

  advertise(from: Netns, device: string): Promise<string> {
    return from.check(['python3', path('./advertise.py'), device]);
  }

  /** `occupied`: somebody else has the table of its name. */
  start(...options: 'occupied'[]): UplinkProcess {
    const command = [process.execPath, path('./host_uplink.mjs'), this.state, ...options];
    return new UplinkProcess(this.host.spawn(command));
  }

  /** The settings that it took back. */
  async undo(): Promise<string[]> {
    const code = `
      import { undoHostUplink } from '${path('../../dist/src/uplink/host_uplink.js')}';
      console.log(JSON.stringify(undoHostUplink('${this.state}')));`;
    return JSON.parse(await this.host.check([process.execPath, '--input-type=module', '-e', code]));
  }

  async setting(name: string): Promise<string> {
    return (await this.host.check(['cat', `/proc/sys/net/${name}`])).trim();
  }

  /** Settings that are 1, of those that Taploom may change. */
  async forwarding(): Promise<string[]> {
    const files = ['eth0', 'br0', 'br1', 'all'].flatMap((device) =>
      ['ipv4', 'ipv6'].map((family) => `${family}/conf/${device}/forwarding`),
    );
    const forced = ['eth0', 'br0', 'br1'].map((device) => `ipv6/conf/${device}/force_forwarding`);
    const values = await Promise.all([...files, ...forced].map((name) => this.setting(name)));
    return [...files, ...forced].filter((_, i) => values[i] === '1').sort();
  }
}

export class UplinkProcess {
  readonly process: Background;
  private seen = 0;

  constructor(process: Background) {
    this.process = process;
  }

  async set(...networks: NetworkText[]): Promise<StatusText> {
    this.process.child.stdin?.write(`${JSON.stringify(networks)}\n`);
    return this.next((status) => status.isNews === undefined);
  }

  /** The next status that the kernel's news brought, of those that the process has not told yet. */
  news(): Promise<StatusText> {
    return this.next((status) => status.isNews === true);
  }

  private async next(isWanted: (status: StatusText & { isNews?: boolean }) => boolean): Promise<StatusText> {
    for (;;) {
      await this.process.waitFor(new RegExp(`^(?:.*\\n){${this.seen + 1}}`));
      const status = JSON.parse(this.process.stdout.split('\n')[this.seen++]);
      if (isWanted(status)) return status;
    }
  }
}
