// The parameters of the spanning tree protocol. They can be set while it is off, as on a kernel bridge: scripts do so.

/** Of a bridge; times in seconds. As in IEEE 802.1D-1998, table 8-3, and Linux' br_dev_setup(). */
export const BRIDGE_STP = { priority: 32_768, hello_time: 2, max_age: 20, forward_delay: 15 } as const;

/** Of a port. Cost: what Linux' port_cost() gives a TAP and a veth, 10 Gb/s. Priority: half of BR_MAX_PORT_PRIORITY's range. */
export const PORT_STP = { cost: 2, priority: 32 } as const;

export type BridgeStp = { -readonly [Key in keyof typeof BRIDGE_STP]: number };
export type PortStp = { -readonly [Key in keyof typeof PORT_STP]: number };

export function bridgeStp({ stp }: { stp: false | BridgeStp }): BridgeStp {
  return stp === false ? BRIDGE_STP : stp;
}

export function portStp({ stp }: { stp?: Partial<PortStp> }): PortStp {
  return { ...PORT_STP, ...stp };
}
