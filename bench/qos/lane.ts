// A lane: one sender and one receiver, each with a TAP, and between them what keeps a rate. Taploom does so where frames leave the switch;
// tc does where they leave the sender, a C pump joins the TAPs, and Open vSwitch has a meter.
//
// What counts as rate are bytes on the wire, as with tc: Ethernet without FCS, every segment with its headers. They are reckoned from the
// counters of the receiver's interface, where a super-frame is one packet with the headers of one.

import { readFileSync } from 'node:fs';
import type { SwitchConfigInput } from '../../src/index.ts';
import { built, connect, type Host, hostNamespaces } from '../contenders/contender.ts';
import { OpenVSwitch } from '../contenders/open_vswitch.ts';
import { TaploomProcess } from '../contenders/taploom.ts';
import { SENDER_CPUS, SWITCH_CPU } from '../cpus.ts';
import { type Lab, netnsPath } from '../lab.ts';
import type { Process } from '../process.ts';

type Bridge = NonNullable<SwitchConfigInput['bridges']>[string];
type Tap = Extract<NonNullable<Bridge['ports']>[string], { type: 'tap' }>;
export type Qos = Tap['qos'];

export interface Lane {
  name: string;
  /** Sender and receiver; more senders behind them, where there are. */
  hosts: Host[];
  /** Of the receiver's interface. */
  counters(): Counters;
}

export interface Counters {
  bytes: number;
  packets: number;
  /** ms. */
  at: number;
}

export interface LaneKind {
  name: string;
  open(lab: Lab): Promise<Lane>;
}

/** Bytes of headers and payload of each packet of a bulk flow: UDP of `bulk`, and TCP with timestamps. */
const FULL = 1514;
export const BULK_SIZE = 1472;
const HEADERS = { udp: FULL - BULK_SIZE, tcp: 66 };
/** Nobody has this address: the receiver's kernel counts what comes for it, and throws it away at no cost. */
export const NOBODY = '10.98.0.99';

/** Bits a second on the wire between two looks at the counters. */
export function wireRate(protocol: 'tcp' | 'udp', before: Counters, after: Counters): number {
  const headers = HEADERS[protocol];
  const payload = after.bytes - before.bytes - headers * (after.packets - before.packets);
  return (8000 * payload * FULL) / (FULL - headers) / (after.at - before.at);
}

/** UDP from a host to the lane's receiver. */
export function sendBulk(
  lab: Lab,
  from: Host,
  seconds: number,
  mbits: number,
  { tos = 0, size = BULK_SIZE } = {},
): Process {
  const command = [built('load'), 'bulk', NOBODY, '5300', String(size), String(seconds), String(mbits)];
  return lab.start([...command, String(tos)], { netns: from.netns, cpus: SENDER_CPUS });
}

/** Taploom with `senders` ports, and one whose quality of service is `qos`; `police` is that of the first sender. */
export function taploomLane(
  name: string,
  qos: Qos,
  { senders = 1, police }: { senders?: number; police?: Qos } = {},
): LaneKind {
  return {
    name,
    async open(lab) {
      const namespaces = hostNamespaces(lab, labelOf(name), senders + 1);
      const port = (n: number) => ({
        type: 'tap' as const,
        netns: namespaces[n],
        ...(n === 1 && qos !== undefined && { qos }),
        ...(n === 0 && police !== undefined && { qos: police }),
      });
      const ports = Object.fromEntries(namespaces.map((_, n) => [`tl${n}`, port(n)]));
      await TaploomProcess.start(lab, { version: 1, bridges: { tlbench: { local: false, ports } } });
      return laneOf(
        lab,
        name,
        namespaces.map((netns, n) => ({ netns, device: `tl${n}` })),
      );
    },
  };
}

/** @param qdiscs arguments of `tc`, each a line, of which `DEV` is the sender's interface */
export function tcLane(name: string, ...qdiscs: string[]): LaneKind {
  return {
    name,
    async open(lab) {
      const namespaces = hostNamespaces(lab, labelOf(name), 2);
      const taps = namespaces.flatMap((netns, n) => [netnsPath(netns), `pm${n}`]);
      const pump = lab.start([built('pump'), '1', ...taps], { cpus: SWITCH_CPU });
      await pump.waitFor(/^ready/m);
      for (const line of qdiscs) lab.run(namespaces[0], 'tc', ...line.replace('DEV', 'pm0').split(' '));
      return laneOf(
        lab,
        name,
        namespaces.map((netns, n) => ({ netns, device: `pm${n}` })),
      );
    },
  };
}

/** A meter on what the sender says: OpenFlow 1.3, with this rate and burst in kbit. */
export function ovsLane(name: string, kbits: number, burst: number): LaneKind {
  return {
    name,
    async open(lab) {
      const label = labelOf(name);
      const ovs = await OpenVSwitch.start(lab, lab.netns(`${label}-sw`), { tso: true });
      ovs.addBridge('br0');
      const devices = hostNamespaces(lab, label, 2).map((netns, n) => {
        ovs.addTap(lab, 'br0', `ov${n}`, netns);
        return { netns, device: `ov${n}` };
      });
      ovs.ofctl('br0', 'add-meter', `meter=1,kbps,burst,band=type=drop,rate=${kbits},burst_size=${burst}`);
      ovs.ofctl('br0', 'add-flow', 'in_port=ov0,actions=meter:1,normal');
      return laneOf(lab, name, devices);
    },
  };
}

async function laneOf(lab: Lab, name: string, devices: { netns: string; device: string }[]): Promise<Lane> {
  const hosts = connect(lab, devices);
  const [, to] = hosts;
  const mac = JSON.parse(lab.run(to.netns, 'ip', '-j', 'link', 'show', 'dev', to.device))[0].address;
  for (const { netns, device } of hosts.filter((host) => host !== to))
    lab.ip(netns, `neigh add ${NOBODY} lladdr ${mac} dev ${device}`);
  // Its view of /proc is that of its namespace, and a look costs no process.
  const eye = lab.start(['sh', '-c', 'echo ready; exec sleep 100000'], { netns: to.netns });
  await eye.waitFor(/ready/);
  return { name, hosts, counters: () => read(eye.pid, to.device) };
}

function read(pid: number, device: string): Counters {
  const line = readFileSync(`/proc/${pid}/net/dev`, 'utf8').match(
    new RegExp(`^ *${device}: *(\\d+) +(\\d+)`, 'm'),
  );
  if (line === null) throw new Error(`There is no interface ${device}`);
  return { bytes: Number(line[1]), packets: Number(line[2]), at: performance.now() };
}

function labelOf(name: string): string {
  return name.replace(/\W+/g, '').toLowerCase().slice(0, 16);
}
