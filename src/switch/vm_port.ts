// Ports of a switch for hypervisors: what to type, and TAPs that this process makes and hands on.
//
//   vmCard         of a port that is there
//   openGuestTap   a new port, whose TAP this process holds until a hypervisor does

import type { Socket } from 'node:net';
import type { SwitchApi } from '../api.ts';
import { leastMtu, stableMac } from '../config/defaults.ts';
import type { AfPacketPortConfig, SwitchConfigInput } from '../config/schema.ts';
import { portIn } from '../config/without_ports.ts';
import { TaploomError } from '../error.ts';
import { VmCard } from '../hypervisor/vm_card.ts';
import { type InterfaceFacts, type WayOptions, wayIn } from '../hypervisor/way_in.ts';
import { openGuestTap as openTap } from '../sys/guest_tap.ts';
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

/** How a guest is plugged into a port that there is. @throws TaploomError `no_such_port`, `no_way_in` */
export function vmCard(sw: SwitchApi, port: string, options: VmCardOptions = {}): VmCard {
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

/** Changes of a switch that are made of what it has, one after the other. */
const turns = new WeakMap<SwitchApi, Promise<unknown>>();

/**
 * Makes a TAP `name`, and a port of it. Close it when the hypervisor has it: a TAP that nobody holds is gone, and its port.
 * @throws TaploomError `no_such_bridge`, `interface_exists`, `not_permitted`, or why the port cannot be had
 */
export async function openGuestTap(
  sw: SwitchApi,
  bridge: string,
  name: string,
  options: GuestTapOptions = {},
): Promise<GuestTap> {
  const before = turns.get(sw) ?? Promise.resolve();
  const made = before.then(() => make(sw, bridge, name, options));
  turns.set(
    sw,
    made.catch(() => {}),
  );
  return made;
}

async function make(
  sw: SwitchApi,
  bridge: string,
  name: string,
  { queues = 1, vnet = true, mac = guestMac(name), port = {} }: GuestTapOptions,
): Promise<GuestTap> {
  const { config } = sw;
  if (!Object.hasOwn(config.bridges, bridge))
    throw new TaploomError('no_such_bridge', `There is no bridge ${bridge}`);
  const own = config.bridges[bridge];
  const fds = opened(name, { mtu: leastMtu(config, bridge), vnet, queues });
  const tap = new GuestTap(name, mac, fds);
  try {
    const ports = {
      ...own.ports,
      [name]: { type: 'af_packet', when_deleted: 'forget', lldp: false, ...port },
    };
    const results = await sw.apply({
      ...config,
      bridges: { ...config.bridges, [bridge]: { ...own, ports } },
    });
    const failed = results.find(({ ok }) => !ok);
    if (failed !== undefined) throw new TaploomError(failed.code ?? 'not_applied', failed.error ?? 'failed');
    return tap;
  } catch (error) {
    tap.close();
    throw error;
  }
}

function opened(name: string, options: { mtu: number; vnet: boolean; queues: number }): number[] {
  try {
    const fds = openTap(name, options);
    if (fds !== undefined) return fds;
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const code = error.code === 'EPERM' || error.code === 'EACCES' ? 'not_permitted' : 'device_failed';
    throw new TaploomError(code, `Cannot make TAP ${name}: ${error.message}`, { cause: error });
  }
  throw new TaploomError('interface_exists', `Cannot make TAP ${name}: an interface of that name exists`);
}
