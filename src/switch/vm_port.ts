// Ports of a switch for hypervisors: what to type, and TAPs that this process makes and hands on.
//
//   vmCard         of a port that is there
//   openGuestTap   a new port, whose TAP this process holds until a hypervisor does
//   holdGuestTap   the same end of a TAP that is there

import type { Socket } from 'node:net';
import { leastMtu, stableMac } from '../config/defaults.ts';
import type { AfPacketPortConfig, SwitchConfig, SwitchConfigInput } from '../config/schema.ts';
import { portIn } from '../config/without_ports.ts';
import { TaploomError } from '../error.ts';
import { VmCard } from '../hypervisor/vm_card.ts';
import { type InterfaceFacts, type WayOptions, wayIn } from '../hypervisor/way_in.ts';
import { holdTap, openGuestTap as openTap } from '../sys/guest_tap.ts';
import { LinkSocket } from '../sys/link.ts';
import { sendRights } from '../sys/rights.ts';
import { SysError } from '../sys/sys_error.ts';
import { closeFd } from '../sys/wake.ts';

/** Of a guest's card that is described. */
export interface VmCardOptions extends Omit<WayOptions, 'facts'> {
  /** Of the guest's card. Default: made of the name of the port, always the same on this machine. */
  mac?: string;
}

type PortInput = NonNullable<SwitchConfigInput['bridges']>[string]['ports'];
type AfPacketInput = Extract<NonNullable<PortInput>[string], { type: 'af_packet' }>;

/** Of a TAP that is made for a guest. */
export interface GuestTapOptions {
  /** Descriptors, a queue each. Default 1. */
  queues?: number;
  /** With a virtio-net header, which every hypervisor wants. Default true. */
  vnet?: boolean;
  mac?: string;
  /** Settings of the port. */
  port?: Partial<Omit<AfPacketInput, 'type' | 'interface' | 'netns'>>;
}

/** Of a TAP that is held for a guest. */
export interface HoldOptions {
  /** Of a TAP that can have several. Default 2 there. */
  queues?: number;
  vnet?: boolean;
  mac?: string;
}

/** What is asked of a switch. */
interface Configured {
  readonly config: SwitchConfig;
}
interface GuestSwitch extends Configured {
  attach(bridge: string, name: string, port: AfPacketInput): Promise<unknown>;
}

/** How a guest is plugged into a port that there is. @throws TaploomError `no_such_port`, `no_way_in` */
export function vmCard(sw: Configured, port: string, options: VmCardOptions = {}): VmCard {
  const { mac = guestMac(port), ...way } = options;
  for (const bridge of Object.values(sw.config.bridges)) {
    const config = portIn(bridge, port);
    if (config === undefined) continue;
    const facts = config.type === 'af_packet' ? interfaceFacts(config, port) : undefined;
    return new VmCard({ name: port, mac, way: wayIn(port, config, { ...way, facts }) });
  }
  throw new TaploomError('no_such_port', `There is no port ${port}`);
}

/** The same guest always has the same one: its leases stay. QEMU gives all guests one and the same. */
export function guestMac(port: string): string {
  return stableMac(`guest ${port}`);
}

/** Undefined: it cannot be seen from here. */
export function interfaceFacts(
  { interface: name, netns }: Pick<AfPacketPortConfig, 'interface' | 'netns'>,
  port: string,
): InterfaceFacts | undefined {
  try {
    using links = LinkSocket.open(netns);
    const link = links.find(name ?? port);
    return link && { isTap: link.kind === 'tun' && link.isEthernet, isMultiQueue: link.txQueues > 1 };
  } catch {
    return undefined;
  }
}

/** A TAP that is a port, and whose other end goes to a hypervisor. The port goes when the last who holds it is gone. */
export class GuestTap extends VmCard implements Disposable {
  /** Closed by `close`. */
  readonly fds: readonly number[];
  private isOpen = true;

  constructor(name: string, mac: string, fds: readonly number[]) {
    super({ name, mac, way: { kind: 'tap', interface: name, queues: fds.length, fds } });
    this.fds = fds;
  }

  /** The same with the numbers that the descriptors have in the hypervisor: of `stdio` in spawn() the places. */
  as(fds: readonly number[]): VmCard {
    const { name, mac } = this.card;
    return new VmCard({ name, mac, way: { kind: 'tap', interface: name, queues: fds.length, fds } });
  }

  /**
   * Passes the descriptors through a Unix socket (SCM_RIGHTS) beside `text`, at least one byte: of QMP it is the command
   * `getfd`. Nothing else may wait to be sent on the socket. @throws TaploomError `not_passed`
   */
  passFd(socket: Socket | number, text: string | Uint8Array = '\0'): void {
    const bytes = Buffer.from(text as string);
    const fd =
      typeof socket === 'number' ? socket : (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
    const isBusy = typeof socket !== 'number' && socket.writableLength > 0;
    if (!this.isOpen || fd === undefined || fd < 0 || isBusy || bytes.length === 0)
      throw new TaploomError(
        'not_passed',
        `Cannot pass TAP ${this.card.name}: it is closed, or the socket is not ready`,
      );
    const sent = sendRights(fd, bytes, this.fds);
    if (sent === bytes.length) return;
    const why = sent < 0 ? new SysError(-sent, 'sendmsg', 'sendmsg').code : 'the socket took a part';
    throw new TaploomError('not_passed', `Cannot pass TAP ${this.card.name}: ${why}`);
  }

  /** Of this process alone: who has the TAP keeps it. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const fd of this.fds) closeFd(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Makes a TAP `name`, and a port of it. Close it when the hypervisor has it: a TAP that nobody holds is gone, and its port.
 * @throws TaploomError `no_such_bridge`, `port_exists`, `interface_exists`, `not_permitted`, or why the port cannot be had
 */
export async function openGuestTap(
  sw: GuestSwitch,
  bridge: string,
  name: string,
  { queues = 1, vnet = true, mac = guestMac(name), port = {} }: GuestTapOptions = {},
): Promise<GuestTap> {
  if (!Object.hasOwn(sw.config.bridges, bridge))
    throw new TaploomError('no_such_bridge', `There is no bridge ${bridge}`);
  const tap = new GuestTap(name, mac, opened(name, { mtu: leastMtu(sw.config, bridge), vnet, queues }));
  try {
    await sw.attach(bridge, name, { type: 'af_packet', when_deleted: 'forget', lldp: false, ...port });
    return tap;
  } catch (error) {
    tap.close();
    throw error;
  }
}

/**
 * The hypervisor's end of a port that is there: a TAP that stays, and that nobody holds.
 * @throws TaploomError `no_such_port`, `no_way_in`, `port_busy`, `not_permitted`
 */
export function holdGuestTap(sw: Configured, port: string, options: HoldOptions = {}): GuestTap {
  const { card } = vmCard(sw, port, { mac: options.mac, queues: options.queues });
  const { way } = card;
  if (way.kind !== 'tap')
    throw new TaploomError('no_way_in', `Port ${port} is no TAP: connect to its socket`);
  const { queues, interface: name, netns } = way;
  const fds = told(() => holdTap(name, { netns, queues, vnet: options.vnet ?? true }));
  if (fds === undefined) throw new TaploomError('no_such_interface', `There is no TAP ${name}`);
  return new GuestTap(name, card.mac, fds);
}

function opened(name: string, options: { mtu: number; vnet: boolean; queues: number }): number[] {
  const fds = told(() => openTap(name, options));
  if (fds !== undefined) return fds;
  throw new TaploomError('interface_exists', `Cannot make TAP ${name}: an interface of that name exists`);
}

/** In words for people, and with a code. */
function told<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const code =
      error.code === 'EPERM' || error.code === 'EACCES'
        ? 'not_permitted'
        : error.code === 'EBUSY'
          ? 'port_busy'
          : 'device_failed';
    throw new TaploomError(code, error.message, { cause: error });
  }
}
