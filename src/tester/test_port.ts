// A port of the switch under test, held by its other end: an interface of the host. What is sent on it enters the switch
// there, and what the switch sends out of the port arrives on it.

import { networkInterfaces } from 'node:os';
import { LinkSocket, type LinkState } from '../sys/link.ts';
import { SysError } from '../sys/sys_error.ts';
import { TestSockets } from '../sys/tester.ts';
import { FCS } from './sizes.ts';
import { TesterError } from './tester_error.ts';

/** Ethernet header; a tag may come on top, and interfaces allow for it. */
const HEADER = 14;
/** A look at the counters, to see whether somebody uses the interface. */
const LOOK_MS = 200;
/** Frames a second that any interface hears now and then. */
const NOISE = 50;

export interface TestPortName {
  /** What the user calls it. */
  name: string;
  interface: string;
  netns?: string;
}

/** Address of an interface; undefined if there is no such interface or namespace. */
export function interfaceMac(name: string, netns?: string): string | undefined {
  try {
    const links = LinkSocket.open(netns);
    try {
      return links.find(name)?.mac;
    } finally {
      links.close();
    }
  } catch (error) {
    if (error instanceof SysError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

export class TestPort implements TestPortName {
  readonly name: string;
  readonly interface: string;
  readonly netns?: string;
  readonly sockets: TestSockets;
  private readonly links: LinkSocket;

  private constructor(names: TestPortName, links: LinkSocket, sockets: TestSockets) {
    this.name = names.name;
    this.interface = names.interface;
    this.netns = names.netns;
    this.links = links;
    this.sockets = sockets;
  }

  /** Throws TesterError, or SysError if the kernel refuses the sockets. */
  static open(names: TestPortName): TestPort {
    const links = LinkSocket.open(names.netns);
    try {
      const link = links.find(names.interface);
      const where = names.netns === undefined ? '' : ` in network namespace ${names.netns}`;
      if (link === undefined) {
        throw new TesterError('no_such_interface', `There is no interface ${names.interface}${where}`);
      }
      if (!link.up) {
        throw new TesterError(
          'interface_down',
          `Interface ${names.interface}${where} is down: ip link set dev ${names.interface} up`,
        );
      }
      return new TestPort(names, links, TestSockets.open(names.interface, link.index, names.netns));
    } catch (error) {
      links.close();
      throw error;
    }
  }

  link(): LinkState {
    return this.links.get(this.interface);
  }

  /** Largest frame, FCS counted. */
  get maxSize(): number {
    return this.link().mtu + HEADER + FCS;
  }

  /** What speaks against measuring here, as sentences. */
  async doubts(): Promise<string[]> {
    const before = this.link();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const { stats, master } = this.link();
    const frames = stats.rxPackets + stats.txPackets - before.stats.rxPackets - before.stats.txPackets;
    const doubts: string[] = [];
    if (this.netns === undefined && hasAddress(this.interface)) {
      doubts.push(`${this.name} has an IP address: somebody may want to use it meanwhile`);
    }
    const rate = Math.round((frames * 1000) / LOOK_MS);
    if (rate > NOISE) {
      doubts.push(
        `${this.name} carries traffic of others, about ${rate} frames/s: it disturbs the measurement, and is disturbed by it`,
      );
    }
    if (master !== 0)
      doubts.push(
        `${this.name} belongs to a bridge or bond of the kernel, which will see the test frames too`,
      );
    return doubts;
  }

  close(): void {
    this.sockets.close();
    this.links.close();
  }
}

/** Of this process' namespace. Link-local addresses come by themselves and say nothing. */
function hasAddress(name: string): boolean {
  const addresses = networkInterfaces()[name] ?? [];
  return addresses.some(({ address }) => !address.startsWith('fe80:'));
}
