// Another NAT in a namespace, between link l1 (10.0.1.0/24) and link l2 (192.0.2.0/24), whose far ends are in forwarder_ports.py's
// hands: nftables in the kernel, or Open vSwitch.

import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../lab.ts';
import type { Netns } from '../netns.ts';
import { OpenVSwitch } from '../open_vswitch.ts';
import type { Background } from '../process.ts';
import { packet } from './packets.ts';

const HELPER = fileURLToPath(new URL('forwarder_ports.py', import.meta.url));
const NEAR = ['020000000001', '020000000002'];
/** Of nobody: the kernel is not to take what comes out for its own. */
const FAR = ['0200000000e1', '0200000000e2'];
const colons = (mac: string) => mac.replaceAll(/(..)(?=.)/g, '$1:');
const MARK = packet({ src: '10.0.1.200', dst: '203.0.113.253', sport: 9, dport: 9 });

export interface Sent {
  link: number;
  /** Without Ethernet; the TTL as it came in. */
  packet: Uint8Array;
}

export class Forwarder {
  readonly netns: Netns;
  private readonly helper: Background;
  private readonly answers: Interface;
  private answered: (line: string) => void = () => {};
  private failed: (error: Error) => void = () => {};
  /** What it takes off the TTL. */
  private readonly hops: number;

  private constructor(netns: Netns, hops: number) {
    this.netns = netns;
    this.hops = hops;
    const marks = [0, 1].flatMap((link) => [`e${link + 1}`, frameOf(link, MARK).toString('hex')]);
    this.helper = netns.spawn(['python3', HELPER, ...marks], { pipes: 1 });
    this.answers = createInterface(this.helper.child.stdio[3] as Readable);
    this.answers.on('line', (line) => this.answered(line));
    const fail = () => this.failed(new Error(`forwarder_ports.py has ended: ${this.helper.stderr}`));
    this.helper.exited.then(fail, fail);
  }

  static async links(lab: Lab, label: string): Promise<Netns> {
    const netns = await lab.netns(label);
    await netns.withoutIpv6();
    await netns.ip(
      ...[0, 1].flatMap((n) => [
        `link add l${n + 1} address ${colons(NEAR[n])} type veth peer name e${n + 1}`,
        `link set l${n + 1} up`,
        `link set e${n + 1} up`,
      ]),
    );
    return netns;
  }

  /** The kernel's, with these rules for nft. */
  static async kernel(lab: Lab, rules: string): Promise<Forwarder> {
    const netns = await Forwarder.links(lab, 'nft');
    const settings = ['ip_forward=1', 'conf.all.rp_filter=0', 'conf.l1.rp_filter=0', 'conf.l2.rp_filter=0'];
    await netns.check(['sysctl', '-q', '-w', ...settings.map((one) => `net.ipv4.${one}`)]);
    await netns.ip(
      'addr add 10.0.1.1/24 dev l1',
      'addr add 192.0.2.1/24 dev l2',
      ...[2, 3, 4, 5, 6].map((n) => `neigh add 10.0.1.${n} lladdr ${colons(FAR[0])} dev l1 nud permanent`),
      `neigh add 192.0.2.254 lladdr ${colons(FAR[1])} dev l2 nud permanent`,
      'route add default via 192.0.2.254 dev l2',
    );
    await netns.check(['nft', '-f', '-'], { input: rules });
    await netns.check(['sysctl', '-q', '-w', 'net.netfilter.nf_conntrack_tcp_be_liberal=1']);
    return new Forwarder(netns, 1);
  }

  /** Open vSwitch's connection tracker in userspace, with these flows: port 1 is l1, port 2 is l2. It is no router. */
  static async openVSwitch(lab: Lab, flows: string): Promise<Forwarder> {
    const netns = await Forwarder.links(lab, 'ovs');
    const ovs = await OpenVSwitch.start(lab, netns, { settings: ['userspace-tso-enable=false'] });
    await ovs.vsctl('add-br', 'b0', '--', 'set', 'bridge', 'b0', 'datapath_type=netdev', 'fail_mode=secure');
    for (const n of [1, 2])
      await ovs.vsctl('add-port', 'b0', `l${n}`, '--', 'set', 'interface', `l${n}`, `ofport_request=${n}`);
    await ovs.appctl('dpctl/ct-disable-tcp-seq-chk');
    await netns.check(['ovs-ofctl', 'add-flows', `unix:${lab.dir}/ovs/b0.mgmt`, '-'], { input: flows });
    return new Forwarder(netns, 0);
  }

  /** Sends packets in by link 0 or 1, and returns what came out. */
  async send(link: number, packets: readonly Uint8Array[]): Promise<Sent[]> {
    const request = [`e${link + 1}`, packets.map((one) => frameOf(link, one).toString('hex'))];
    const answer = await new Promise<string>((resolve, reject) => {
      this.answered = resolve;
      this.failed = reject;
      this.helper.child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
    return (JSON.parse(answer) as [string, string][]).map(([name, hex]) => ({
      link: Number(name.slice(1)) - 1,
      packet: this.unhop(Uint8Array.from(Buffer.from(hex, 'hex').subarray(14))),
    }));
  }

  close(): void {
    this.helper.child.stdin?.end();
  }

  /** As if it were no router: one hop more, and the padding cut off. */
  private unhop(bytes: Uint8Array): Uint8Array {
    const packet = bytes.slice(0, (bytes[2] << 8) | bytes[3]);
    if (this.hops === 0) return packet;
    packet[8] += 1;
    // RFC 1624, for a word whose upper byte is one more.
    const sum = ~((packet[10] << 8) | packet[11]) & 0xffff;
    const next = sum + 0x0100;
    const field = ~((next & 0xffff) + (next >>> 16)) & 0xffff;
    packet[10] = field >>> 8;
    packet[11] = field & 0xff;
    return packet;
  }
}

function frameOf(link: number, packet: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${NEAR[link]}${FAR[link]}0800`, 'hex'), packet]);
}
