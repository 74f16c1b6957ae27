// The parameters of the spanning tree protocol. They can be set while it is off, as on a kernel bridge: scripts do so.

/** `rstp`: IEEE 802.1D-2004; `stp`: 802.1D-1998 as Linux has it. */
export const STP_PROTOCOLS = ['rstp', 'stp', 'off'] as const;

/** Of a bridge; times in seconds. As in IEEE 802.1D-1998, table 8-3, and Linux' br_dev_setup(). */
export const BRIDGE_STP = { priority: 32_768, hello_time: 2, max_age: 20, forward_delay: 15 } as const;

/** Of a port. Half of the range of Linux' priorities. */
export const PORT_PRIORITY = 32;

/**
 * `bpdu`: a BPDU closes the port; `root`: the root is not behind it; `loop`: silence does not open it; `filter`: it takes no
 * part; `tcn`: topology changes do not come in.
 */
export const GUARDS = ['bpdu', 'root', 'loop', 'filter', 'tcn'] as const;

export type Guard = (typeof GUARDS)[number];
export type StpProtocol = (typeof STP_PROTOCOLS)[number];
export type BridgeStp = { -readonly [Key in keyof typeof BRIDGE_STP]: number } & { protocol: StpProtocol };

export interface PortStp {
  cost: number;
  priority: number;
  edge: boolean | 'auto';
  point_to_point: boolean;
  guard: readonly Guard[];
}

/** What the schema leaves of `stp` of a port. */
export type PortStpInput = Partial<Omit<PortStp, 'guard'>> & { guard?: Guard | readonly Guard[] };

export function bridgeStp({ stp }: { stp: boolean | BridgeStp }): BridgeStp {
  if (typeof stp === 'object') return stp;
  return { protocol: stp ? 'rstp' : 'off', ...BRIDGE_STP };
}

export function isStpOn(bridge: { stp: boolean | BridgeStp }): boolean {
  return bridgeStp(bridge).protocol !== 'off';
}

/** @param speed Mb/s, where it is known */
export function portStp(
  { stp = {} }: { stp?: PortStpInput },
  { protocol }: Pick<BridgeStp, 'protocol'>,
  speed?: number,
): PortStp {
  const { guard = [], ...rest } = stp;
  const isRapid = protocol === 'rstp';
  return {
    cost: (isRapid ? rapidCost : linuxCost)(speed ?? VIRTUAL_SPEED),
    priority: PORT_PRIORITY,
    // Without RSTP nobody detects it: 802.1D-1998 has no edge ports.
    edge: isRapid ? 'auto' : false,
    point_to_point: true,
    guard: typeof guard === 'string' ? [guard] : guard,
    ...rest,
  };
}

/** What the kernel says of a TAP and of a veth: 10 Gb/s. */
const VIRTUAL_SPEED = 10_000;

/** IEEE 802.1D-2004, table 17-3: 20 Tb/s by the speed. */
function rapidCost(speed: number): number {
  return Math.min(200_000_000, Math.max(1, Math.round(20_000_000 / speed)));
}

/** Linux' port_cost(). */
function linuxCost(speed: number): number {
  const known: Record<number, number> = { 10000: 2, 5000: 3, 2500: 4, 1000: 5, 100: 19, 10: 100 };
  return known[speed] ?? (speed > 10_000 ? 1 : 100);
}
