// RSTP, IEEE 802.1D-2004 clause 17: the machines of one bridge. Each is a function that takes one step on one port if it
// can; `run` takes steps until none is left, and then sends. Names in the standard's spelling are the standard's.
//
//   receive -> information (what a port knows)  ->  selectRoles (whole bridge)  ->  role transitions (learn, forward)
//                                                ->  topology change (flush)     ->  transmit
//
// What the standard has as conditions on ever restarted timers (rrWhile of a root port, fdWhile of an alternate one) is set
// once here, when the port leaves its role. A state is certain only when the data plane has settled it: until then a port
// counts as learning or forwarding, and everybody who waits for the block waits.

import type { ParsedBpdu } from '../../wire/bpdu.ts';
import { RstpBridge } from './rstp_bridge.ts';
import { detectEdge, inform, information, migrate } from './rstp_information.ts';
import { RstpPort } from './rstp_port.ts';
import { selectRoles } from './rstp_roles.ts';
import { topologyChange } from './rstp_topology_change.ts';
import { roleTransition } from './rstp_transitions.ts';
import { transmit } from './rstp_transmit.ts';
import {
  compareVectors,
  left,
  NEVER,
  type Tree,
  type TreeBridge,
  type TreeOutput,
  type TreePort,
  type TreePortView,
  type TreeState,
  type TreeView,
} from './tree.ts';

export class Rstp implements Tree {
  private readonly bridge: RstpBridge;
  private readonly byName = new Map<string, RstpPort>();
  private isRunning = false;

  constructor(bridge: TreeBridge, output: TreeOutput) {
    this.bridge = new RstpBridge(bridge, output);
  }

  setBridge(bridge: TreeBridge, now: number): void {
    this.bridge.spec = bridge;
    for (const port of this.bridge.ports) port.selectAnew();
    this.run(now);
  }

  setPorts(specs: readonly TreePort[], now: number): void {
    const wanted = new Set(specs.map(({ name }) => name));
    for (const name of this.byName.keys()) if (!wanted.has(name)) this.byName.delete(name);
    for (const spec of specs) {
      const port = this.byName.get(spec.name);
      if (port === undefined) this.byName.set(spec.name, new RstpPort(spec));
      else if (port.spec !== spec) this.change(port, spec);
    }
    this.bridge.ports = specs.map(({ name }) => this.byName.get(name) as RstpPort);
    for (const port of this.bridge.ports) port.selectAnew();
    this.run(now);
  }

  receive(name: string, bpdu: ParsedBpdu, now: number): void {
    const port = this.byName.get(name);
    if (port === undefined || !port.spec.isUp) return;
    // Timers that are over come first.
    this.run(now);
    port.operEdge = false;
    port.hasHeard = true;
    if (bpdu.kind === 'rst') port.rcvdRSTP = true;
    else port.rcvdSTP = true;
    if (bpdu.kind === 'tcn') port.rcvdTcn = !port.spec.guard.has('tcn');
    else inform(this.bridge, port, bpdu);
    this.run(now);
  }

  tick(now: number): void {
    this.run(now);
  }

  deadline(): number {
    let next = NEVER;
    const { ports, now } = this.bridge;
    for (const port of ports) if (port.spec.isUp) next = Math.min(next, port.deadline(now));
    return next;
  }

  view(now: number): TreeView {
    const { rootPriority, rootTimes, rootPort, ports } = this.bridge;
    const changing = ports.reduce((until, { tcWhile }) => Math.max(until, tcWhile), 0);
    return {
      root: rootPriority.root,
      rootPathCost: rootPriority.cost,
      rootPort: rootPort?.spec.name,
      maxAge: rootTimes.maxAge,
      helloTime: rootTimes.helloTime,
      forwardDelay: rootTimes.forwardDelay,
      topologyChange: changing > now,
      topologyChangeDetected: false,
      timers: { hello: 0, tcn: 0, topologyChange: left(changing, now) },
    };
  }

  portView(name: string, now: number): TreePortView | undefined {
    const port = this.byName.get(name);
    if (port === undefined) return undefined;
    const { role, infoIs } = port;
    return {
      role,
      state: port.spec.isUp ? port.asked : 'disabled',
      designated: infoIs === 'received' ? port.portPriority : port.designatedPriority,
      isEdge: port.operEdge,
      isRapid: port.sendRSTP,
      heldBy: this.heldBy(port, now),
      configPending: port.newInfo,
      topologyChangeAck: port.tcAck,
      timers: {
        messageAge: infoIs === 'received' ? left(port.rcvdInfoWhile, now) : 0,
        forwardDelay: role !== 'disabled' && !port.forward ? left(port.fdWhile, now) : 0,
        hold: 0,
      },
    };
  }

  private heldBy(port: RstpPort, now: number): TreePortView['heldBy'] {
    const { role, spec, portPriority } = port;
    if (port.isInconsistent) return 'loop';
    if (role === 'designated') return now < port.disputedWhile ? 'disputed' : undefined;
    if (role !== 'alternate' || !spec.guard.has('root')) return undefined;
    const path = { ...portPriority, cost: portPriority.cost + spec.cost };
    return compareVectors(path, this.bridge.rootPriority) < 0 ? 'root' : undefined;
  }

  private change(port: RstpPort, spec: TreePort): void {
    const before = port.spec;
    port.spec = spec;
    if (!spec.guard.has('loop')) port.isInconsistent = false;
    if (before.edge !== spec.edge && spec.isUp) port.operEdge = spec.edge === true;
    // Whoever was connected is not any more.
    if (before.isUp && !spec.isUp) port.isInconsistent = false;
  }

  /** Steps until none is left, then sends. */
  private run(now: number): void {
    const { bridge } = this;
    bridge.now = Math.max(now, bridge.now);
    this.isRunning = true;
    let isMoving = true;
    while (isMoving) {
      isMoving = false;
      for (const port of bridge.ports) {
        migrate(bridge, port);
        detectEdge(bridge, port);
        if (information(bridge, port)) isMoving = true;
      }
      if (bridge.ports.some(({ reselect }) => reselect)) {
        selectRoles(bridge);
        isMoving = true;
        continue;
      }
      for (const port of bridge.ports) {
        if (roleTransition(bridge, port)) isMoving = true;
        this.applyState(port);
        if (topologyChange(bridge, port)) isMoving = true;
      }
    }
    // The standard's disableForwarding ends when forwarding has stopped. Who hears before that of what closed the port may open
    // another one of the same ring.
    if (!bridge.isClosing()) for (const port of bridge.ports) transmit(bridge, port);
    this.isRunning = false;
  }

  private applyState(port: RstpPort): void {
    const state: TreeState = port.forward ? 'forwarding' : port.learn ? 'learning' : 'blocking';
    if (state === port.asked) return;
    port.asked = state;
    port.unsettled++;
    // Opening counts at once, closing when it is settled.
    if (port.learn) port.learning = true;
    if (port.forward) port.forwarding = true;
    this.bridge.output.setState(port.spec.name, state, (now) => this.settle(port, now));
  }

  private settle(port: RstpPort, now: number): void {
    if (--port.unsettled > 0) return;
    port.learning = port.asked !== 'blocking';
    port.forwarding = port.asked === 'forwarding';
    if (!this.isRunning) this.run(now);
  }
}
