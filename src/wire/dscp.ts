// What a DSCP means to layer 2: the priority of a frame that carries it.

export const DSCP_MAPS = ['class_selector', 'rfc8325'] as const;
export type DscpMap = (typeof DSCP_MAPS)[number];

/** RFC 8325, 4.3, figure 1: DSCP to the user priority of 802.11; others are 0. */
const USER_PRIORITIES: readonly (readonly [priority: number, ...dscps: number[]])[] = [
  [7, 56, 48], // CS7, CS6: network control
  [6, 46, 44], // EF, VA: telephony
  [5, 40], // CS5: signalling
  [4, 34, 36, 38, 32, 26, 28, 30, 24], // AF4x, CS4, AF3x, CS3: multimedia
  [3, 18, 20, 22], // AF2x: low-latency data
  [1, 8], // CS1: low-priority data
];

const RFC_8325 = new Map(
  USER_PRIORITIES.flatMap(([priority, ...dscps]) => dscps.map((one) => [one, priority])),
);

/** The priority for a DSCP: RFC 2474, 4.2.2.2, its upper three bits, or that of RFC 8325. */
export function priorityOfDscp(map: DscpMap, dscp: number): number {
  return map === 'rfc8325' ? (RFC_8325.get(dscp) ?? 0) : dscp >>> 3;
}

/** The class selector of a priority. */
export function classSelector(priority: number): number {
  return priority << 3;
}
