// A link with a client, our own servers and whoever has addresses there, in virtual time. Frames of clients are kept as they
// read.

import { DhcpServer } from '../../../src/protocol/dhcp/server.ts';
import type { DhcpSettings } from '../../../src/protocol/dhcp/settings.ts';
import { DhcpClient } from '../../../src/protocol/dhcp_client/client.ts';
import type { ClientLease, FormerLease } from '../../../src/protocol/dhcp_client/lease.ts';
import { buildArp, parseArp, REPLY } from '../../../src/wire/arp.ts';
import { OPTION } from '../../../src/wire/dhcp4/codes.ts';
import { parseDhcpFrame } from '../../../src/wire/dhcp4/frame.ts';
import { readUint32 } from '../../../src/wire/dhcp4/values.ts';
import type { Mac } from '../../../src/wire/mac.ts';
import { dotted, SERVER as SERVER_ADDRESS, SETTINGS } from '../dhcp/world.ts';

export const MAC: Mac = { hi: 0x0200, lo: 0x5e10_0077 };
export const SERVER = SERVER_ADDRESS;

export class Segment {
  now = 1000;
  readonly client: DhcpClient;
  readonly servers: { server: DhcpServer; isUp: boolean }[] = [];
  /** Who answers for an address. */
  readonly squatters = new Map<number, Mac>();
  /** What the client said, with the second in which it did. */
  readonly said: string[] = [];
  readonly history: string[] = [];
  lease: ClientLease | undefined;
  /** Answers are lost while it says so. */
  loses = false;
  /** The answers as they came, and what becomes of them. */
  spoil: (frame: Uint8Array) => Uint8Array = (frame) => frame;
  private readonly queue: Uint8Array[] = [];
  private readonly start = this.now;

  constructor(settings: Partial<DhcpSettings>[] = [{}], former?: FormerLease, seed = 1) {
    let state = seed;
    const random = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state / 2 ** 32;
    };
    const changed = (lease: ClientLease | undefined, reason: string) => {
      this.lease = lease;
      this.history.push(lease === undefined ? `lost: ${reason}` : `has ${dotted(lease.address)}`);
    };
    const send = (frame: Uint8Array) => void this.queue.push(frame);
    this.client = new DhcpClient({ mac: MAC, hostName: 'r1' }, { send, changed, random }, former);
    for (const one of settings) this.addServer(one);
  }

  addServer(settings: Partial<DhcpSettings>): void {
    const server = new DhcpServer({ ...SETTINGS, probe: false, ...settings }, [], this.now);
    this.servers.push({ server, isUp: true });
  }

  begin(): this {
    this.client.start(this.now);
    this.deliver();
    return this;
  }

  /** Lets time pass, from deadline to deadline. */
  pass(ms: number): this {
    const end = this.now + ms;
    for (let next = this.client.deadline(); next <= end; next = this.client.deadline()) {
      this.now = Math.max(this.now, next);
      this.client.tick(this.now);
      this.deliver();
    }
    this.now = end;
    return this;
  }

  deliver(): void {
    for (let frame = this.queue.shift(); frame !== undefined; frame = this.queue.shift()) {
      this.note(frame);
      const arp = parseArp(frame);
      if (arp !== undefined) this.answerArp(arp.target, arp.sender);
      else for (const { server, isUp } of this.servers) if (isUp) this.serve(server, frame);
    }
  }

  private serve(server: DhcpServer, bytes: Uint8Array): void {
    const { frames } = server.received({ port: 'p1', vlan: 0, tag: 0, bytes, at: this.now });
    if (!this.loses) for (const { frame } of frames) this.client.received(this.spoil(frame), this.now);
  }

  private answerArp(target: number, sender: number): void {
    const mac = this.squatters.get(target);
    if (mac === undefined) return;
    const reply = { operation: REPLY, senderMac: mac, sender: target, targetMac: MAC, target: sender };
    this.client.hearArp(buildArp(MAC, reply), this.now);
  }

  private note(frame: Uint8Array): void {
    const second = Math.floor((this.now - this.start) / 1000);
    const arp = parseArp(frame);
    if (arp !== undefined) {
      this.said.push(`${second} ${arp.sender === 0 ? 'probe' : 'announce'} ${dotted(arp.target)}`);
      return;
    }
    const dhcp = parseDhcpFrame(frame);
    if (typeof dhcp === 'string') throw new Error(`the client sent a bad frame: ${dhcp}`);
    const { message, dst } = dhcp;
    const requested = readUint32(message.options.get(OPTION.requestedAddress));
    const words = [
      String(second),
      message.type,
      ...(requested === undefined ? [] : [`for ${dotted(requested)}`]),
      ...(message.ciaddr === 0 ? [] : [`with ${dotted(message.ciaddr)}`]),
      ...(message.options.has(OPTION.serverId) ? ['to one'] : []),
      ...(dst === 0xffff_ffff ? [] : [`at ${dotted(dst)}`]),
    ];
    this.said.push(words.join(' '));
  }
}
