// The IPv6 address that an interface of a router makes itself where others advertise: `slaac: true`.

import type { RouterPort } from '../compile/router_ports.ts';
import { Autoconf, type AutoconfSays, NOTHING_LEARNED } from '../protocol/autoconf/autoconf.ts';
import type { InterfaceSpec } from '../protocol/neighbours/spec.ts';
import { formatIp } from '../wire/ip_address.ts';

export class RouterAutoconf {
  private readonly says: AutoconfSays;
  private autoconf: Autoconf | undefined;
  /** Whose it is. */
  private name = '';

  constructor(says: AutoconfSays) {
    this.says = says;
  }

  get deadline(): number {
    return this.autoconf?.deadline ?? Number.POSITIVE_INFINITY;
  }

  configure({ config }: RouterPort, { mac, linkLocal }: InterfaceSpec, now: number): void {
    const isWanted = config.slaac && linkLocal !== undefined;
    const name = isWanted ? `${mac.hi} ${mac.lo} ${formatIp(linkLocal)} ${config.bridge} ${config.vlan}` : '';
    if (name === this.name) return;
    this.close();
    this.name = name;
    if (!isWanted) return;
    this.autoconf = new Autoconf(mac, linkLocal, this.says);
    this.autoconf.start(now);
  }

  /** The link has come back. */
  linkUp(now: number): void {
    this.autoconf?.start(now);
  }

  hear(frame: Uint8Array, now: number): void {
    this.autoconf?.received(frame, now);
  }

  tick(now: number): void {
    if (this.deadline <= now) this.autoconf?.tick(now);
  }

  close(): void {
    if (this.autoconf === undefined) return;
    this.autoconf = undefined;
    this.name = '';
    this.says.changed(NOTHING_LEARNED);
  }
}
