// The kernel's bridge, on veth pairs in a namespace: ports k1, k2, ..., whose far ends are in kernel_ports.py's hands.

import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../lab.ts';
import type { Netns } from '../netns.ts';
import type { Background } from '../process.ts';
import { bridgeWords, flagWords, staticLine } from './linux_words.ts';
import type { Egress, Peer } from './peer.ts';
import type { Scene } from './scene.ts';

const BRIDGE = 'kbr';
/** As many as a scene has, and k0 for marks. */
const PORTS = 7;
const HELPER = fileURLToPath(new URL('kernel_ports.py', import.meta.url));
/** Of the marks: where they come from, and where they go. */
const MARKS = /^02:f[ef]:00:00:00:0/;

export class KernelPeer implements Peer {
  readonly tableEvery = 1;
  private readonly netns: Netns;
  private readonly helper: Background;
  private readonly answers: Interface;
  private answered: (line: string) => void = () => {};
  private failed: (error: Error) => void = () => {};
  private statics = new Set<string>();
  private names: string[] = [];

  private constructor(netns: Netns, helper: Background) {
    this.netns = netns;
    this.helper = helper;
    this.answers = createInterface(helper.child.stdio[3] as Readable);
    this.answers.on('line', (line) => this.answered(line));
    helper.exited.then(
      () => this.failed(new Error(`kernel_ports.py has ended: ${helper.stderr}`)),
      this.failed,
    );
  }

  static async start(lab: Lab): Promise<KernelPeer> {
    const netns = await lab.netns('kernel');
    await netns.withoutIpv6();
    // br_netfilter, where it is loaded, drops packets that are malformed. A bridge does not look.
    const filters = ['iptables', 'ip6tables', 'arptables'].map(
      (name) => `net.bridge.bridge-nf-call-${name}=0`,
    );
    await netns.run(['sysctl', '-q', '-w', ...filters]);
    const numbers = Array.from({ length: PORTS }, (_, n) => n);
    await netns.ip(
      ...numbers.flatMap((n) => [
        `link add k${n} type veth peer name e${n}`,
        `link set k${n} up`,
        `link set e${n} up`,
      ]),
    );
    const ends = numbers.map((n) => `e${n}`);
    return new KernelPeer(netns, netns.spawn(['python3', HELPER, ...ends], { pipes: 1 }));
  }

  async begin(scene: Scene): Promise<void> {
    const { ageing, ports, statics, isSticky } = scene;
    this.names = ports.map(({ name }) => name);
    this.statics = new Set(statics.map(({ mac }) => mac));
    await this.netns.run(['ip', 'link', 'del', BRIDGE]);
    await this.netns.ip(
      `link add ${BRIDGE} type bridge ${bridgeWords(scene, ageing)}`,
      ...['k0', ...this.names.map(near)].map((name) => `link set ${name} master ${BRIDGE}`),
      ...ports.map((port) => `link set ${near(port.name)} type bridge_slave ${flagWords(port)}`),
      `link set ${BRIDGE} up`,
    );
    const marks = this.names.map((port) => ({ mac: `02:fe:00:00:00:0${port.slice(1)}`, vlan: 0, port }));
    const lines = [...marks, ...statics].map((one) => staticLine(one, near(one.port), isSticky));
    await this.netns.check(['bridge', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  async send(port: string, frames: readonly Buffer[]): Promise<Egress> {
    const hex = frames.map((frame) => frame.toString('hex'));
    const seen = (await this.ask('send', far(port), hex, this.names.map(far))) as Record<string, string[]>;
    return new Map(this.names.map((name) => [name, seen[far(name)]]));
  }

  async wait(): Promise<void> {
    throw new Error('nobody turns the clock of the kernel');
  }

  async change(): Promise<void> {
    throw new Error('a bridge without VLANs');
  }

  async table(): Promise<string[]> {
    const entries = (await this.ask('table', BRIDGE)) as [string, number, number][];
    return entries
      .filter(([mac, , isLocal]) => isLocal === 0 && !MARKS.test(mac))
      .map(([mac, number]) => `0 ${mac} ${this.names[number - 2]}${this.statics.has(mac) ? ' static' : ''}`)
      .sort();
  }

  close(): void {
    this.helper.child.stdin?.end();
  }

  private ask(...request: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.answered = (line) => resolve(JSON.parse(line));
      this.failed = reject;
      this.helper.child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  }
}

const near = (port: string) => port.replace('p', 'k');
const far = (port: string) => port.replace('p', 'e');
