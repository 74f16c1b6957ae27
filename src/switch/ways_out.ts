// The way out of the host for networks of bridges: opened with the first network that the host is in.

import { hasHost, leadsOut } from '../config/network_places.ts';
import type { Network } from '../config/networks.ts';
import { parsePublished, targetOf } from '../config/published.ts';
import { parseSubnet6 } from '../config/subnet.ts';
import { HostUplink, undoHostUplink } from '../uplink/host_uplink.ts';
import type { HostNetwork, PublishedPort } from '../uplink/network.ts';
import { ipv4Bytes } from '../wire/ip_address.ts';

export class WaysOut {
  private readonly stateDirectory: string;
  private readonly changed: () => void;
  private uplink: HostUplink | undefined;
  private problem = '';

  /** `stateDirectory`: empty = the host's settings are left alone. `changed`: there are other problems, or uplinks. */
  constructor(stateDirectory: string, changed: () => void) {
    this.stateDirectory = stateDirectory;
    this.changed = changed;
    if (stateDirectory !== '') this.attempt(() => undoHostUplink(stateDirectory));
  }

  /** Of these networks, and no others. */
  set(networks: readonly Network[]): void {
    const wanted = networks.filter(({ mode, uplink }) => hasHost(mode) && uplink === undefined);
    if (wanted.length === 0 && this.uplink === undefined) return;
    this.problem = '';
    if (this.stateDirectory === '') {
      if (wanted.some(({ mode }) => leadsOut(mode)))
        this.problem = 'no way out: the program that embeds the switch gave it no stateDirectory';
      return;
    }
    this.attempt(() => {
      this.uplink ??= new HostUplink(this.stateDirectory, this.changed);
      this.uplink.set(wanted.map(hostNetwork));
    });
  }

  /** The interface by which guests of a network get out, if there is one. */
  uplinkOf({ mode, uplink }: Network): string | undefined {
    if (uplink !== undefined) return uplink;
    return leadsOut(mode) ? this.uplink?.status.uplinks.join(' ') || undefined : undefined;
  }

  /** Whether guests of a network get out by IPv6. */
  hasWayOut6({ mode, uplink }: Network): boolean {
    return leadsOut(mode) && uplink === undefined && this.uplink?.status.families.includes(6) === true;
  }

  problemsOf({ mode, uplink }: Network): readonly string[] {
    if (!hasHost(mode) || uplink !== undefined) return [];
    const { isSetUp = true, problems = [] } = this.uplink?.status ?? {};
    const concerns = leadsOut(mode) || !isSetUp;
    return [...(this.problem === '' ? [] : [this.problem]), ...(concerns ? problems : [])];
  }

  /** Leaves the host as it was. */
  close(): void {
    this.uplink?.close();
    this.uplink = undefined;
  }

  private attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.problem = (error as Error).message;
    }
  }
}

function hostNetwork(network: Network): HostNetwork {
  const { interface: own, mode, subnet, ipv6, publish, hosts, as } = network;
  return {
    interface: own?.name ?? network.name,
    mode,
    subnets: [
      { address: ipv4Bytes(subnet.network), bits: subnet.prefix },
      ...(ipv6 === undefined ? [] : [ipv6.subnet]),
      // What is delegated leaves as what is here.
      ...[parseSubnet6(ipv6?.dhcp?.delegate?.from ?? '')].filter((one) => one !== undefined),
    ],
    as: as === undefined ? undefined : [ipv4Bytes(as)],
    publish: publish.flatMap((text) => publishedPorts(text, hosts)),
  };
}

function publishedPorts(text: string, hosts: ReadonlyMap<string, number>): PublishedPort[] {
  const published = parsePublished(text);
  const target = published && targetOf(published, hosts);
  if (published === undefined || target === undefined) return []; // the configuration was checked
  const { protocol, first, last, port } = published;
  const to = ipv4Bytes(target);
  return Array.from({ length: last - first + 1 }, (_, n) => ({
    protocol,
    port: first + n,
    to,
    toPort: port + n,
  }));
}
