// The compiler's second input: what forwarding depends on and the configuration does not say. It survives every
// reconfiguration; without it the next one would, for example, unblock a loop that a spanning tree had blocked.

/** As in IEEE 802.1Q: `blocking` is also what Linux calls disabled and listening. */
export type PortState = 'blocking' | 'learning' | 'forwarding';

export interface Overlay {
  /** Address of each bridge's local interface, by bridge. */
  localMacs?: ReadonlyMap<string, string>;
  /** MTUs of interfaces that somebody else configures, by port: see effectiveMtus. */
  ownedMtus?: ReadonlyMap<string, number>;
  states?: PortStates;
}

/** Every VLAN of a port. */
const ALL = -1;

/** What protocols have found out about ports. A port that none of them knows is forwarding. */
export class PortStates {
  private readonly states = new Map<string, Map<number, PortState>>();

  /** @param vlan undefined = all, those that are set one by one included; 0 in a VLAN-unaware bridge */
  set(port: string, vlan: number | undefined, state: PortState): void {
    let states = this.states.get(port);
    if (states === undefined || vlan === undefined) {
      states = new Map();
      this.states.set(port, states);
    }
    states.set(vlan ?? ALL, state);
  }

  of(port: string, vlan: number): PortState {
    const states = this.states.get(port);
    return states?.get(vlan) ?? states?.get(ALL) ?? 'forwarding';
  }

  /** The port is gone; another one of its name begins anew. */
  forget(port: string): void {
    this.states.delete(port);
  }
}
