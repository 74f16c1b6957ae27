// The protocols of a switch, each a service (service.ts): what each of them knows of the others and of the switch, and the order in
// which they hear of a change.

import type { LldpChange, StoredLeases } from '../api.ts';
import type { Compiler } from '../compile/compiler.ts';
import { effectiveRouters } from '../config/effective_routers.ts';
import type { RuleOrigin } from '../config/rule_lines.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { withSharedUplinks } from '../config/shared_uplinks.ts';
import type { EventFact } from '../event.ts';
import type { Host } from '../protocol/host.ts';
import { Bindings } from '../table/bindings.ts';
import { isOwnedByOther, OwnedAddresses } from '../table/owned_addresses.ts';
import type { RouterTable } from '../table/router_table.ts';
import type { PlaneClient } from '../worker/plane_client.ts';
import { AclLog } from './acl_log.ts';
import { AggregateService } from './aggregate_service.ts';
import type { CounterView } from './counter_view.ts';
import { GuardService } from './guard_service.ts';
import { InterfaceLeases } from './interface_leases.ts';
import { LearnedAddresses } from './learned_addresses.ts';
import { isLinkUp } from './link_up.ts';
import { LldpService } from './lldp_service.ts';
import { NetworkService } from './network_service.ts';
import type { OpenPorts } from './open_ports.ts';
import { PortGuard } from './port_guard.ts';
import type { Reconfiguration } from './reconfiguration.ts';
import { RouterService } from './router_service.ts';
import type { Service, Surroundings } from './service.ts';
import { snoopingFacts } from './snooping_facts.ts';
import { SnoopingService } from './snooping_service.ts';
import { type StpDeeds, StpService } from './stp_service.ts';
import { UplinkService } from './uplink_service.ts';

export interface ServicesParts {
  compiler: Compiler;
  open: OpenPorts;
  plane: PlaneClient;
  counters: CounterView;
  leases: StoredLeases;
  stateDirectory: string;
  origin: RuleOrigin;
  /** What services do to the switch. */
  deeds: StpDeeds & { flush(filter: { port: string }): Promise<number> };
  /** There is none yet while the services are made. */
  reconfiguration: () => Reconfiguration;
  /** Of the newest topology. */
  routerTable: () => RouterTable | null;
  enqueue: <T>(task: () => Promise<T>) => Promise<T>;
  tell: (fact: EventFact) => void;
  neighbour: (change: LldpChange) => void;
}

export class Services {
  readonly lldp: LldpService;
  readonly stp: StpService;
  readonly snooping: SnoopingService;
  readonly network: NetworkService;
  readonly router: RouterService;
  readonly interfaceLeases: InterfaceLeases;
  readonly portGuard: PortGuard;
  readonly guard: GuardService;
  readonly aggregate: AggregateService;
  readonly uplink: UplinkService;
  private readonly learned: LearnedAddresses;
  /** In the order in which they hear of a change. */
  private readonly all: readonly Service[];

  constructor(parts: ServicesParts) {
    const { compiler, open, plane, counters, leases, tell } = parts;
    const { neighbours } = plane;
    const inForce = () => parts.reconfiguration().config;
    const isUp = (port: string) => isLinkUp(open, port);
    const portNumber = (port: string) => compiler.ports.find(port);
    const anew = {
      // Not before whoever told of it is done.
      changed: () => parts.enqueue(() => parts.reconfiguration().refresh()).catch(() => {}),
      tell,
    };
    this.lldp = new LldpService(open, parts.neighbour);
    this.stp = new StpService(open, parts.deeds, tell);
    this.snooping = new SnoopingService(snoopingFacts(compiler, open, plane, inForce), tell);
    this.interfaceLeases = new InterfaceLeases({ ...anew, isUp });
    this.learned = new LearnedAddresses(anew);
    const { interfaceLeases, learned } = this;
    this.network = new NetworkService(
      {
        devices: open.devices,
        mtus: open.mtus,
        store: leases,
        interfaceLeases,
        learned,
        stateDirectory: parts.stateDirectory,
        ownedBy: (bridge, vlan) => {
          const domain = compiler.domains.find(bridge, vlan);
          return domain === undefined ? undefined : new OwnedAddresses(neighbours.owned, domain);
        },
        leased: (key, lease) => this.guard.lease(key, lease),
      },
      tell,
    );
    this.router = new RouterService(
      {
        neighbours,
        table: parts.routerTable,
        portNumber,
        portName: (port) => compiler.ports.name(port),
        learned: (port, what) => learned.note(port, what),
        isUp,
      },
      tell,
    );
    this.portGuard = new PortGuard({
      open,
      setDisabled: (port, isDisabled) => {
        this.linkChanged(port);
        return parts.reconfiguration().facts.setDisabled(port, isDisabled);
      },
      flush: (port) => parts.deeds.flush({ port }),
    });
    this.guard = new GuardService({
      bindings: new Bindings(neighbours.bound),
      store: leases,
      portNumber,
      isOthers: (bridge, vlan, address, mac) => {
        const domain = compiler.domains.find(bridge, vlan);
        return domain !== undefined && isOwnedByOther(neighbours.owned, domain, address, mac);
      },
      dropped: (port) => {
        const number = portNumber(port);
        return number === undefined ? {} : counters.port(number).receiveDropped;
      },
      tell,
    });
    this.aggregate = new AggregateService(open, {
      distribute: (name, distribution) => parts.reconfiguration().facts.distribute(name, distribution),
      tell: (fact) => {
        this.linkChanged(fact.port);
        tell(fact);
      },
    });
    this.uplink = new UplinkService({
      portNumber,
      counters: (port) => counters.port(port),
      setRate: (port, bits) => parts.reconfiguration().facts.setRate(port, bits),
      ...anew,
    });
    this.all = [
      this.guard,
      new AclLog({ compiler, origin: parts.origin, tell }),
      this.lldp,
      this.stp,
      this.snooping,
      this.network,
      interfaceLeases,
      this.router,
      this.portGuard,
      this.aggregate,
      this.uplink,
    ];
  }

  attach(host: Host, surroundings: Surroundings): void {
    for (const service of this.all) service.attach(host, surroundings);
  }

  /** With what their interfaces lease and learn. */
  private withRouters(config: SwitchConfig): SwitchConfig {
    return effectiveRouters(config, { dhcp: this.interfaceLeases.leases, slaac: this.learned.leases });
  }

  /** With these routers, and with uplinks as they are shared: what is compiled. */
  effective(config: SwitchConfig): SwitchConfig {
    return withSharedUplinks(this.withRouters(config), this.uplink.rates);
  }

  update(config: SwitchConfig): void {
    const whole = this.withRouters(config);
    for (const service of this.all) service.update(whole);
  }

  poll(now: number): void {
    for (const service of this.all) service.poll(now);
  }

  /** ms */
  deadline(): number {
    return Math.min(...this.all.map((service) => service.deadline()));
  }

  linkChanged(port: string): void {
    this.stp.linkChanged(port);
    this.snooping.linkChanged();
    this.interfaceLeases.linkChanged(port);
    this.router.linkChanged(port);
    this.network.linkChanged(port);
  }

  close(): void {
    for (const service of this.all) service.close();
  }
}
