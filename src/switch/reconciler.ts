// Keeps what is wanted true while the world changes: hears from the kernel what happens to interfaces, addresses and
// namespaces, closes ports that have lost their device, and tries those again that are missing.
//
//   kernel, data plane -> happened -> lose | hurry | refresh -> one change at a time (reconfiguration.ts) -> attend
//
// Without rights to hear the kernel, the slow clock of missing_ports.ts is what is left.

import { devicesIn } from '../config/members.ts';
import type {
  MemberConfig,
  PortConfig,
  SwitchConfig,
  TapPortConfig,
  VethPortConfig,
} from '../config/schema.ts';
import { bridgeOf } from '../config/without_ports.ts';
import { type Happening, KernelWatch } from '../device/kernel_watch.ts';
import type { VlanDevicePlace } from '../device/vlan_devices.ts';
import { monotonicMs } from '../sys/clock.ts';
import type { OpenPorts } from './open_ports.ts';
import type { Reconfiguration } from './reconfiguration.ts';
import type { SwitchNews } from './switch_news.ts';

/** Between something that can help and the try, ms: what happens comes in several messages. */
const CALM = 10;
/** Between a change of the network under tunnels and the look at it, ms: a routing daemon changes many routes at once. */
const SETTLED = 100;
/** A look may take one part in so many of the time. */
const LOOK_SHARE = 10;
/** A timer takes no longer one; it is set again then. */
const LONGEST_TIMER = 60_000;

export interface ReconcilerParts {
  readonly open: OpenPorts;
  reconfiguration(): Reconfiguration;
  /** Does something while no change is under way. */
  enqueue<T>(task: () => Promise<T>): Promise<T>;
  isClosed(): boolean;
  readonly news: Pick<SwitchNews, 'forgotten' | 'gone' | 'guestChanged'>;
  /** The kernel says that something about a port's interface has changed. */
  linkChanged(port: string): void;
  /** An address here is no interface's any more; undefined: some may be. */
  addressGone(address: string | undefined): void;
}

/** What a port stands on. */
interface Foundation {
  port: string;
  netns: string | undefined;
  /** Name of its interface; undefined if it needs none of the host's. */
  device: string | undefined;
  /** Of a tunnel. */
  address: string | undefined;
  isTunnel?: boolean;
  /** Its interface has addresses from us, in somebody's namespace. */
  hasInside?: boolean;
  /** The end of a pair that is not the switch's. */
  isOtherEnd?: boolean;
}

export class Reconciler {
  private readonly parts: ReconcilerParts;
  private watch: KernelWatch | undefined;
  private isDeaf = false;
  private timer: NodeJS.Timeout | undefined;
  private underlayTimer: NodeJS.Timeout | undefined;
  private restoreTimer: NodeJS.Timeout | undefined;
  /** Namespaces where interfaces of ours have addresses, and those of them in which something has happened. */
  private furnished: ReadonlySet<string> = new Set();
  private readonly restoring = new Set<string>();
  /** How long the last look under the tunnels took, ms. */
  private lookTime = 0;
  private foundations: Foundation[] = [];
  private of: SwitchConfig | undefined;
  /** Open ports by namespace and interface index. */
  private byLink = new Map<string, string[]>();

  constructor(parts: ReconcilerParts) {
    this.parts = parts;
    parts.open.onGuest = (port, status) => {
      if (parts.open.disabled.get(port) === undefined) parts.news.guestChanged(port, status);
      parts.linkChanged(port);
    };
  }

  /** After every change: follows what the configuration stands on, and sets the clock. */
  attend(): void {
    const { open, isClosed } = this.parts;
    if (isClosed()) return;
    const { desired } = this.parts.reconfiguration();
    if (desired !== this.of) {
      this.of = desired;
      this.foundations = foundationsOf(desired);
      const furnished = this.foundations.filter(({ hasInside }) => hasInside);
      this.furnished = new Set(furnished.flatMap(({ netns }) => netns ?? []));
    }
    if (this.foundations.length > 0) this.listen();
    const names = this.foundations.map(({ netns }) => netns).filter((name) => name !== undefined);
    this.watch?.follow(new Set(names), this.furnished);
    const known = this.byLink;
    this.byLink = new Map();
    let isChanged = false;
    for (const { port, netns, isOtherEnd } of this.foundations) {
      if (isOtherEnd) continue;
      const index = open.devices.get(port)?.ifindex;
      if (index === undefined) continue;
      const key = linkKey(netns, index);
      const ports = this.byLink.get(key);
      if (ports === undefined) this.byLink.set(key, [port]);
      else ports.push(port);
      // What came between its opening and now was told to nobody.
      if (!known.get(key)?.includes(port)) isChanged = open.vlanDeviceChanged(port) || isChanged;
    }
    if (isChanged) this.refresh();
    this.wait();
  }

  /** A port's device is dead. */
  lost(port: string, reason: string): void {
    const { parts } = this;
    const { reconfiguration, open, news } = parts;
    if (!open.devices.has(port) || open.goneNames.has(port)) return;
    open.goneNames.add(port);
    if (!reconfiguration().forgets(port)) news.gone(port, reason);
    void parts
      .enqueue(async () => {
        if (parts.isClosed()) return;
        const bridge = bridgeOf(reconfiguration().desired, port);
        await reconfiguration().lose(port, reason, () => {
          if (bridge !== undefined) news.forgotten(bridge, port, reason);
        });
        this.attend();
      })
      // The data plane has died, and says so by itself.
      .catch(() => {});
  }

  close(): void {
    clearTimeout(this.timer);
    clearTimeout(this.restoreTimer);
    clearTimeout(this.underlayTimer);
    this.watch?.close();
    this.watch = undefined;
  }

  private listen(): void {
    if (this.watch !== undefined || this.isDeaf) return;
    try {
      this.watch = new KernelWatch((happenings) => this.happened(happenings));
    } catch {
      this.isDeaf = true;
    }
  }

  private wait(): void {
    clearTimeout(this.timer);
    const deadline = this.parts.open.missing.deadline();
    if (deadline === Number.POSITIVE_INFINITY) return;
    const pause = Math.min(LONGEST_TIMER, Math.max(CALM, deadline - monotonicMs()));
    this.timer = setTimeout(() => this.retry(), pause).unref();
  }

  private retry(): void {
    const { parts } = this;
    void parts
      .enqueue(async () => {
        if (!parts.isClosed()) await parts.reconfiguration().retry();
      })
      .catch(() => {})
      .finally(() => this.attend());
  }

  private happened(happenings: readonly Happening[]): void {
    let isChanged = false;
    if (happenings.some(isUnderneath)) this.lookUnder();
    this.restoreSoon(happenings);
    for (const happening of happenings) {
      switch (happening.kind) {
        case 'link':
          isChanged = this.seen(happening) || isChanged;
          break;
        case 'unlink': {
          for (const port of this.portsOn(happening.netns, happening.index)) this.lostIf(port);
          isChanged = this.vlanDeviceSeen(happening, happening.moved ? 'away' : 'gone') || isChanged;
          break;
        }
        case 'address':
          if (happening.netns === undefined) this.addressed(happening.address, happening.usable);
          break;
        case 'netns':
          this.renamed(happening.netns);
          break;
        case 'lost':
          isChanged = this.lookAtAll() || isChanged;
          break;
      }
    }
    if (isChanged) this.refresh();
    this.wait();
  }

  /** Something happened in namespaces where interfaces of ours have addresses: it may be these that are gone. */
  private restoreSoon(happenings: readonly Happening[]): void {
    for (const happening of happenings)
      if ('netns' in happening && happening.netns !== undefined && this.furnished.has(happening.netns))
        this.restoring.add(happening.netns);
    if (this.restoring.size === 0 || this.restoreTimer !== undefined) return;
    this.restoreTimer = setTimeout(() => this.restore(), SETTLED).unref();
  }

  private restore(): void {
    this.restoreTimer = undefined;
    for (const { port, netns, hasInside } of this.foundations) {
      if (hasInside !== true || netns === undefined || !this.restoring.has(netns)) continue;
      try {
        this.parts.open.devices.get(port)?.restore?.();
      } catch {
        // It is down, or gone: then news of that come, too.
      }
    }
    this.restoring.clear();
  }

  /** An interface came or changed. True if forwarding depends on what did. */
  private seen(happening: Extract<Happening, { kind: 'link' }>): boolean {
    const { netns, index, name } = happening;
    const { open } = this.parts;
    const isOfOther = this.vlanDeviceSeen(happening, 'here');
    const ports = this.portsOn(netns, index);
    let isChanged = isOfOther;
    for (const port of ports) {
      isChanged = open.linkChanged(port) || isChanged;
      this.parts.linkChanged(port);
    }
    if (ports.length === 0) this.hurry((one) => one.device === name && one.netns === netns);
    return isChanged;
  }

  /** It may be a VLAN device on the interface of a port. True if forwarding depends on it. */
  private vlanDeviceSeen(
    { netns, vlan }: Extract<Happening, { kind: 'link' | 'unlink' }>,
    place: VlanDevicePlace,
  ): boolean {
    if (vlan === undefined) return false;
    let isChanged = false;
    for (const port of this.portsOn(netns, vlan.on))
      isChanged = this.parts.open.vlanDeviceChanged(port, { tag: vlan.tag, place }) || isChanged;
    return isChanged;
  }

  /** Several ports may share an interface. */
  private portsOn(netns: string | undefined, index: number): readonly string[] {
    return this.byLink.get(linkKey(netns, index)) ?? [];
  }

  /** Unless it is to be seen somewhere else: the interface of a TAP may move. */
  private lostIf(port: string): void {
    const device = this.parts.open.devices.get(port);
    if (device?.link?.() === undefined) {
      this.lost(port, 'its interface was deleted, or has left its namespace');
    }
  }

  private addressed(address: string, usable: boolean): void {
    if (usable) {
      this.hurry((one) => one.address === address);
      return;
    }
    this.parts.addressGone(address);
    for (const one of this.foundations) {
      if (one.address !== address) continue;
      this.lost(one.port, `no interface has the address ${address} any more`);
    }
  }

  private renamed(netns: string): void {
    this.hurry((one) => one.netns === netns);
    for (const one of this.foundations) {
      // Who was found by the clock is in the new one.
      if (one.netns !== netns || this.parts.open.isIn(one.port, netns)) continue;
      this.lost(one.port, `network namespace ${netns} was deleted, or is another one now`);
    }
  }

  /** News of the kernel were lost. */
  private lookAtAll(): boolean {
    const { open } = this.parts;
    this.hurry(() => true);
    this.parts.addressGone(undefined);
    let isChanged = false;
    for (const [port, device] of open.devices) {
      if (device.ifindex === undefined) continue;
      this.lostIf(port);
      isChanged = open.linkChanged(port) || isChanged;
      isChanged = open.vlanDeviceChanged(port) || isChanged;
    }
    return isChanged;
  }

  private hurry(matches: (one: Foundation) => boolean): void {
    const { missing } = this.parts.open;
    if (missing.size === 0) return;
    const now = monotonicMs();
    for (const one of this.foundations) if (matches(one)) missing.hurry(one.port, now);
  }

  /** What tunnels stand on may carry more or less than before. */
  private lookUnder(): void {
    const { parts } = this;
    const isKernels = () => [...parts.open.devices.values()].some(({ tellsMtu }) => tellsMtu);
    const hasTunnels = this.foundations.some(({ isTunnel }) => isTunnel) || isKernels();
    if (this.underlayTimer !== undefined || !hasTunnels) return;
    const pause = Math.max(SETTLED, LOOK_SHARE * this.lookTime);
    this.underlayTimer = setTimeout(() => {
      this.underlayTimer = undefined;
      void parts
        .enqueue(async () => {
          if (parts.isClosed()) return;
          const from = monotonicMs();
          await parts.reconfiguration().followUnderlays();
          this.lookTime = monotonicMs() - from;
        })
        .catch(() => {});
    }, pause).unref();
  }

  private refresh(): void {
    const { parts } = this;
    void parts
      .enqueue(async () => {
        if (!parts.isClosed()) await parts.reconfiguration().refresh();
      })
      .catch(() => {});
  }
}

/** Routes, addresses and interfaces here are what tunnels stand on. */
function isUnderneath(happening: Happening): boolean {
  return happening.kind === 'lost' || (happening.kind !== 'netns' && happening.netns === undefined);
}

function linkKey(netns: string | undefined, index: number): string {
  return `${netns ?? ''} ${index}`;
}

function foundationsOf({ bridges }: SwitchConfig): Foundation[] {
  return Object.entries(bridges).flatMap(([bridge, config]) => [
    ...(config.local
      ? [{ port: bridge, netns: config.local.netns, device: bridge, address: undefined }]
      : []),
    ...devicesIn(config).flatMap(([port, config]) =>
      config.type === 'veth' ? pairFoundations(port, config) : (foundationOf(port, config) ?? []),
    ),
  ]);
}

function pairFoundations(port: string, config: VethPortConfig): Foundation[] {
  const { netns, ifname: device = port, address = [], gateway = [] } = config;
  const hasInside = address.length + gateway.length > 0;
  return [
    { port, netns: undefined, device: port, address: undefined },
    { port, netns, device, address: undefined, hasInside, isOtherEnd: true },
  ];
}

function tapFoundation(
  port: string,
  config: TapPortConfig | Extract<MemberConfig, { type: 'tap' }>,
): Foundation {
  const { netns } = config;
  const { ifname = port, address = [], gateway = [] } = config as Partial<TapPortConfig>;
  const hasInside = address.length + gateway.length > 0;
  return { port, netns, device: ifname, address: undefined, hasInside };
}

function foundationOf(port: string, config: PortConfig | MemberConfig): Foundation | undefined {
  switch (config.type) {
    case 'tap':
      return config.fd === undefined ? tapFoundation(port, config) : undefined;
    case 'tun':
      return { port, netns: config.netns, device: port, address: undefined };
    case 'af_packet':
      return { port, netns: config.netns, device: config.interface ?? port, address: undefined };
    case 'vxlan':
      return config.underlay_tap === undefined
        ? { port, netns: undefined, device: undefined, address: config.local, isTunnel: true }
        : { port, netns: undefined, device: config.underlay_tap, address: undefined, isTunnel: true };
    case 'veth': // two
    case 'stream':
    case 'dgram':
    case 'memory':
    case 'vhost_user':
    case 'aggregate':
      return undefined;
  }
}
