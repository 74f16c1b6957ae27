// A DHCP server behind a memory port of a switch, for real clients behind TAPs of it:
//
//   client namespaces [c0] [c1] --- br0 --- memory port --- DhcpServer, its journal, and ARP for its address

import { Switch } from 'taploom';
import { onTestFinished } from 'vitest';
import { Journal } from '../../src/control/journal.ts';
import { Commit } from '../../src/protocol/dhcp/commit.ts';
import { storedLeases } from '../../src/protocol/dhcp/lease.ts';
import type { DhcpOutcome } from '../../src/protocol/dhcp/outcome.ts';
import { DhcpServer } from '../../src/protocol/dhcp/server.ts';
import type { DhcpSettings } from '../../src/protocol/dhcp/settings.ts';
import { arpProbe, buildArp, parseArp, REPLY, REQUEST } from '../../src/wire/arp.ts';
import type { Netns } from './netns.ts';

const NETWORK = 'br0';
const PORT = 'guests';
const unixOffset = () => Date.now() - performance.now();

export class DhcpLab {
  server: DhcpServer;
  readonly events: string[] = [];
  private readonly sw: Switch;
  private readonly settings: DhcpSettings;
  private readonly file: string;
  private journal: Journal;
  private isOpen = true;

  private constructor(sw: Switch, settings: DhcpSettings, file: string) {
    this.sw = sw;
    this.settings = settings;
    this.file = file;
    this.journal = new Journal(file);
    this.server = this.load();
  }

  /** @param file the journal of leases */
  static async open(settings: DhcpSettings, file: string, clients: readonly Netns[]): Promise<DhcpLab> {
    const taps = clients.map(({ name }, n) => [`c${n}`, { type: 'tap' as const, netns: name }] as const);
    const ports = { ...Object.fromEntries(taps), server: { type: 'memory' as const, offloads: false } };
    const sw = await Switch.open({ version: 1, bridges: { br0: { local: false, ports } } });
    const lab = new DhcpLab(sw, settings, file);
    const running = lab.run();
    onTestFinished(async () => {
      lab.isOpen = false;
      await running;
      await lab.journal.close();
      await sw.close();
    });
    return lab;
  }

  /** Another server, which knows nothing but what the journal has. */
  async restart(): Promise<void> {
    await this.journal.close();
    this.journal = new Journal(this.file);
    this.server = this.load();
  }

  /** Waits for an event of this kind. */
  async until(kind: string, timeoutMs = 5000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!this.events.includes(kind)) {
      if (Date.now() > end) throw new Error(`no event ${kind}, only ${this.events.join(' ')}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  private load(): DhcpServer {
    const leases = storedLeases(NETWORK, this.journal.load().entries, unixOffset());
    return new DhcpServer(this.settings, leases, performance.now());
  }

  private async run(): Promise<void> {
    const port = this.sw.memoryPort('server');
    while (this.isOpen) {
      const wait = this.server.deadline() - performance.now();
      await port.received(Math.max(1, Math.min(wait, 100)));
      for (let frame = port.receive(); frame !== undefined; frame = port.receive()) this.hear(frame.bytes);
      this.take(this.server.tick(performance.now()));
    }
  }

  private hear(bytes: Uint8Array): void {
    const now = performance.now();
    const { address, mac } = this.settings;
    const arp = parseArp(bytes);
    if (arp === undefined) {
      this.take(this.server.received({ port: PORT, vlan: 0, tag: 0, bytes, at: now }));
      return;
    }
    if (arp.operation === REQUEST && arp.target === address) {
      const targetMac = arp.senderMac;
      const reply = { operation: REPLY, senderMac: mac, sender: address, targetMac, target: arp.sender };
      this.sw.memoryPort('server').send(buildArp(targetMac, reply));
    }
    if (arp.sender !== 0) this.take(this.server.addressInUse(arp.sender, arp.senderMac, PORT, now));
  }

  private take(outcome: DhcpOutcome): void {
    const port = this.sw.memoryPort('server');
    this.events.push(...outcome.events.map(({ kind }) => kind));
    for (const address of outcome.probes) port.send(arpProbe(this.settings.mac, address));
    const send = ({ frame }: { frame: Uint8Array }) => void port.send(frame);
    new Commit(NETWORK, this.journal, unixOffset, send).take(outcome).catch((error) => {
      this.events.push(String(error));
    });
  }
}
