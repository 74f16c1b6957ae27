// RSTP, IEEE 802.1D-2004 clause 17: the machines of one bridge. Each is a function that takes one step on one port if it
// can; `run` takes steps until none is left, and then sends. Names in the standard's spelling are the standard's.
//
//   receive -> information (what a port knows)  ->  selectRoles (whole bridge)  ->  role transitions (learn, forward)
//                                                ->  topology change (flush)     ->  transmit
//
// What the standard has as conditions on ever restarted timers (rrWhile of a root port, fdWhile of an alternate one) is set
// once here, when the port leaves its role. A state is certain only when the data plane has settled it: until then a port
// counts as learning or forwarding, and everybody who waits for the block waits.

import type { PortRole } from '../../api.ts';
import type { Bpdu, ParsedBpdu } from '../../wire/bpdu.ts';
import { RstpPort, type Times } from './rstp_port.ts';
import {
  believedTimes,
  compareVectors,
  isSameBridge,
  left,
  NEVER,
  type Tree,
  type TreeBridge,
  type TreeOutput,
  type TreePort,
  type TreePortView,
  type TreeState,
  type TreeView,
  type Vector,
} from './tree.ts';

/** Table 17-1; ms. */
const MIGRATE_TIME = 3_000;
const TX_HOLD_COUNT = 6;
const SECOND = 1_000;
/** The number of a port in its ID, clause 9.2.7. */
const PORT_NUMBER = 0xfff;

export class Rstp implements Tree {
  private readonly output: TreeOutput;
  private bridge: TreeBridge;
  private readonly byName = new Map<string, RstpPort>();
  private ports: RstpPort[] = [];
  private rootPriority: Vector;
  private rootTimes: Times;
  private rootPort: RstpPort | undefined;
  private now = 0;
  private isRunning = false;

  constructor(bridge: TreeBridge, output: TreeOutput) {
    this.bridge = bridge;
    this.output = output;
    this.rootPriority = this.ownPriority();
    this.rootTimes = this.ownTimes();
  }

  setBridge(bridge: TreeBridge, now: number): void {
    this.bridge = bridge;
    for (const port of this.ports) this.reselect(port);
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
    this.ports = specs.map(({ name }) => this.byName.get(name) as RstpPort);
    for (const port of this.ports) this.reselect(port);
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
    else this.inform(port, bpdu);
    this.run(now);
  }

  tick(now: number): void {
    this.run(now);
  }

  deadline(): number {
    let next = NEVER;
    for (const port of this.ports) if (port.spec.isUp) next = Math.min(next, port.deadline(this.now));
    return next;
  }

  view(now: number): TreeView {
    const { rootPriority, rootTimes, rootPort } = this;
    const changing = this.ports.reduce((until, { tcWhile }) => Math.max(until, tcWhile), 0);
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
    return compareVectors(path, this.rootPriority) < 0 ? 'root' : undefined;
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
    this.now = Math.max(now, this.now);
    this.isRunning = true;
    let isMoving = true;
    while (isMoving) {
      isMoving = false;
      for (const port of this.ports) {
        this.migrate(port);
        this.detectEdge(port);
        if (this.information(port)) isMoving = true;
      }
      if (this.ports.some(({ reselect }) => reselect)) {
        this.selectRoles();
        isMoving = true;
        continue;
      }
      for (const port of this.ports) {
        if (this.roleTransition(port)) isMoving = true;
        this.applyState(port);
        if (this.topologyChange(port)) isMoving = true;
      }
    }
    // The standard's disableForwarding ends when forwarding has stopped. Who hears before that of what closed the port may open
    // another one of the same ring.
    if (!this.isClosing()) for (const port of this.ports) this.transmit(port);
    this.isRunning = false;
  }

  // Port protocol migration and bridge detection, 17.24 and 17.25

  private migrate(port: RstpPort): void {
    const isOver = this.now >= port.mdelayWhile;
    if (!port.spec.isUp) {
      port.sendRSTP = true;
      port.mdelayWhile = this.now + MIGRATE_TIME;
      port.rcvdRSTP = false;
      port.rcvdSTP = false;
    } else if (!isOver) {
      // What comes right after a change says nothing: it may have been sent before.
      port.rcvdRSTP = false;
      port.rcvdSTP = false;
    } else if (port.sendRSTP ? port.rcvdSTP : port.rcvdRSTP) {
      port.sendRSTP = !port.sendRSTP;
      port.mdelayWhile = this.now + MIGRATE_TIME;
    }
  }

  /**
   * Stricter than the standard: a port that heard a bridge since it is up is no edge, even if that falls silent. It may be
   * deaf since then, and would open a loop.
   */
  private detectEdge(port: RstpPort): void {
    const { spec } = port;
    if (!spec.isUp) {
      port.operEdge = spec.edge === true;
      port.hasHeard = false;
    } else if (spec.edge === 'auto' && !port.hasHeard && port.sendRSTP && port.proposing) {
      if (this.now >= port.edgeDelayWhile) port.operEdge = true;
    }
  }

  // Port information, 17.27

  private information(port: RstpPort): boolean {
    const { spec } = port;
    if (!spec.isUp) {
      if (port.infoIs === 'disabled') return false;
      port.proposing = false;
      port.proposed = false;
      port.agree = false;
      port.agreed = false;
      port.infoIs = 'disabled';
      this.reselect(port);
      return true;
    }
    if (port.infoIs === 'disabled') {
      port.infoIs = 'aged';
      port.helloWhen = this.nextHello();
      port.mdelayWhile = this.now + MIGRATE_TIME;
      port.newInfo = true;
      this.reselect(port);
      return true;
    }
    if (port.selected && port.updtInfo) {
      const isAsGood =
        port.infoIs === 'mine' && compareVectors(port.designatedPriority, port.portPriority) <= 0;
      port.proposing = false;
      port.proposed = false;
      port.agreed = port.agreed && isAsGood;
      port.synced = port.synced && port.agreed;
      port.portPriority = port.designatedPriority;
      port.portTimes = port.designatedTimes;
      port.updtInfo = false;
      port.infoIs = 'mine';
      port.newInfo = true;
      return true;
    }
    if (port.infoIs === 'received' && this.now >= port.rcvdInfoWhile && !port.updtInfo) {
      port.infoIs = 'aged';
      if (spec.guard.has('loop')) port.isInconsistent = true;
      this.reselect(port);
      return true;
    }
    return false;
  }

  /** What a BPDU says of the tree: rcvInfo and the states that follow it. */
  private inform(port: RstpPort, bpdu: Bpdu): void {
    if (port.isInconsistent) {
      port.isInconsistent = false;
      port.forgetInfo();
    }
    const message = { root: bpdu.root, cost: bpdu.rootPathCost, bridge: bpdu.bridge, port: bpdu.port };
    const { bridge, port: number } = port.designatedPriority;
    if (bpdu.bridge === bridge && bpdu.port === number) {
      // Our own words: the link ends where it begins.
      this.dispute(port);
      return;
    }
    const order = compareVectors(message, port.portPriority);
    if (bpdu.role === 'root' || bpdu.role === 'alternate') {
      if (order < 0) return;
      this.recordAgreement(port, bpdu);
      setTcFlags(port, bpdu);
      return;
    }
    if (bpdu.role !== 'designated') return;
    const times = timesOf(bpdu);
    const isSameSender =
      isSameBridge(message.bridge, port.portPriority.bridge) &&
      (message.port & PORT_NUMBER) === (port.portPriority.port & PORT_NUMBER);
    const isRepeated = order === 0 && port.infoIs === 'received' && isSameTimes(times, port.portTimes);
    if (isRepeated) {
      if (bpdu.proposal) port.proposed = true;
      setTcFlags(port, bpdu);
      this.recordAgreement(port, bpdu);
      this.startInfoTimer(port);
    } else if (order <= 0 || isSameSender) {
      port.agreed = false;
      port.proposing = false;
      if (bpdu.proposal) port.proposed = true;
      setTcFlags(port, bpdu);
      port.agree = port.agree && port.infoIs === 'received' && order <= 0;
      this.recordAgreement(port, bpdu);
      port.synced = port.synced && port.agreed;
      port.portPriority = message;
      port.portTimes = times;
      this.startInfoTimer(port);
      port.infoIs = 'received';
      this.reselect(port);
    } else {
      // It does not hear that we know better, and it is about to forward.
      if (bpdu.kind === 'rst' && bpdu.learning) this.dispute(port);
      // One that has just started need not wait for the next hello.
      port.newInfo = true;
    }
  }

  private dispute(port: RstpPort): void {
    const silence = 3 * port.designatedTimes.helloTime;
    port.disputed = true;
    port.disputedWhile = this.now + silence;
    port.agreed = false;
    port.fdWhile = this.now + Math.max(silence, this.forwardDelay(port));
  }

  private recordAgreement(port: RstpPort, bpdu: Bpdu): void {
    port.agreed = port.spec.pointToPoint && bpdu.kind === 'rst' && bpdu.agreement;
    if (port.agreed) port.proposing = false;
  }

  private startInfoTimer(port: RstpPort): void {
    const { messageAge, maxAge, helloTime } = port.portTimes;
    port.rcvdInfoWhile = aged(messageAge) <= maxAge ? this.now + 3 * helloTime : this.now;
  }

  // Port role selection, 17.28

  private reselect(port: RstpPort): void {
    port.reselect = true;
    port.selected = false;
  }

  private selectRoles(): void {
    this.selectRoot();
    for (const port of this.ports) {
      port.reselect = false;
      const { root, cost } = this.rootPriority;
      const { id } = port.spec;
      port.designatedPriority = { root, cost, bridge: this.bridge.id, port: id };
      port.designatedTimes = { ...this.rootTimes, helloTime: this.bridge.helloTime };
      this.selectRole(port);
    }
    for (const port of this.ports) port.selected = true;
  }

  private selectRoot(): void {
    this.rootPriority = this.ownPriority();
    this.rootTimes = this.ownTimes();
    this.rootPort = undefined;
    for (const port of this.ports) {
      const { portPriority, infoIs, spec } = port;
      if (infoIs !== 'received' || spec.guard.has('root')) continue;
      if (isSameBridge(portPriority.bridge, this.bridge.id)) continue;
      const path = { ...portPriority, cost: portPriority.cost + spec.cost };
      const order = compareVectors(path, this.rootPriority);
      const isCloser = order === 0 && this.rootPort !== undefined && spec.id < this.rootPort.spec.id;
      if (order > 0 || (order === 0 && !isCloser)) continue;
      this.rootPriority = path;
      this.rootPort = port;
    }
    const times = this.rootPort?.portTimes;
    if (times !== undefined) this.rootTimes = { ...times, messageAge: aged(times.messageAge) };
  }

  private selectRole(port: RstpPort): void {
    const { designatedPriority, portPriority } = port;
    port.updtInfo = false;
    if (port.infoIs === 'disabled') port.selectedRole = 'disabled';
    else if (port.isInconsistent) port.selectedRole = 'alternate';
    else if (port === this.rootPort) port.selectedRole = 'root';
    else if (port.infoIs === 'received' && compareVectors(designatedPriority, portPriority) >= 0) {
      port.selectedRole = isSameBridge(portPriority.bridge, this.bridge.id) ? 'backup' : 'alternate';
    } else {
      port.selectedRole = 'designated';
      port.updtInfo =
        port.infoIs !== 'mine' ||
        compareVectors(portPriority, designatedPriority) !== 0 ||
        !isSameTimes(port.portTimes, port.designatedTimes);
    }
  }

  // Port role transitions, 17.29

  private roleTransition(port: RstpPort): boolean {
    if (!port.selected || port.updtInfo) return false;
    if (port.role !== port.selectedRole) {
      this.enterRole(port, port.selectedRole);
      return true;
    }
    if (port.role === 'root') return this.rootTransition(port);
    if (port.role === 'designated') return this.designatedTransition(port);
    return this.blockedTransition(port);
  }

  private enterRole(port: RstpPort, role: PortRole): void {
    const { now } = this;
    const { forwardDelay, maxAge, helloTime } = port.designatedTimes;
    if (port.role === 'root') port.rrWhile = now + forwardDelay;
    if (port.role === 'alternate' || port.role === 'backup') port.fdWhile = now + forwardDelay;
    if (port.role === 'backup') port.rbWhile = now + 2 * helloTime;
    if (port.role === 'disabled') port.fdWhile = now + maxAge;
    port.role = role;
    if (role === 'root' || role === 'designated') return;
    port.learn = false;
    port.forward = false;
  }

  private blockedTransition(port: RstpPort): boolean {
    if (!port.isBlocked) return false;
    if (port.sync || port.reRoot || !port.synced || this.now < port.rrWhile) {
      port.synced = true;
      port.sync = false;
      port.reRoot = false;
      port.rrWhile = 0;
      port.disputed = false;
      return true;
    }
    return port.role !== 'disabled' && this.answerProposal(port);
  }

  /** As a root or alternate port: what lies behind us has to be in sync before we agree. */
  private answerProposal(port: RstpPort): boolean {
    if (port.proposed && !port.agree) {
      for (const other of this.ports) other.sync = true;
      port.proposed = false;
      return true;
    }
    if ((!port.agree && this.allSynced()) || (port.proposed && port.agree)) {
      port.proposed = false;
      port.sync = false;
      port.agree = true;
      port.newInfo = true;
      return true;
    }
    return false;
  }

  private rootTransition(port: RstpPort): boolean {
    if (this.answerProposal(port)) return true;
    if ((port.agreed && !port.synced) || (port.sync && port.synced)) {
      port.synced = true;
      port.sync = false;
      return true;
    }
    if (!port.forward && !port.reRoot) {
      for (const other of this.ports) other.reRoot = true;
      return true;
    }
    if (port.reRoot && port.forward) {
      port.reRoot = false;
      return true;
    }
    const mayOpen = this.now >= port.fdWhile || (this.now >= port.rbWhile && this.reRooted(port));
    return mayOpen && this.open(port);
  }

  private designatedTransition(port: RstpPort): boolean {
    const { now } = this;
    if (!port.forward && !port.agreed && !port.proposing && !port.operEdge) {
      port.proposing = true;
      port.edgeDelayWhile = now + this.edgeDelay(port);
      port.newInfo = true;
      return true;
    }
    const isInSync = port.isBlocked || port.agreed || port.operEdge;
    if (port.synced ? port.sync : isInSync) {
      port.rrWhile = 0;
      port.synced = true;
      port.sync = false;
      return true;
    }
    if (now >= port.rrWhile && port.reRoot) {
      port.reRoot = false;
      return true;
    }
    const isRetiring = port.reRoot && now < port.rrWhile;
    if (port.operEdge || !(port.learn || port.forward)) port.disputed = false;
    if (((port.sync && !port.synced) || isRetiring || port.disputed) && !port.operEdge && port.learn) {
      port.learn = false;
      port.forward = false;
      port.disputed = false;
      port.fdWhile = Math.max(port.disputedWhile, now + this.forwardDelay(port));
      return true;
    }
    const mayOpen = now >= port.fdWhile || port.agreed || port.operEdge;
    if (!mayOpen || isRetiring || port.sync || !this.open(port)) return false;
    if (port.forward) port.agreed = port.sendRSTP;
    return true;
  }

  /** One step on the way to forwarding, if one is left. No port opens while another one has yet to close. */
  private open(port: RstpPort): boolean {
    if (port.forward) return false;
    if (port.learn && this.isClosing()) return false;
    if (port.learn) port.forward = true;
    // Before it forwards the neighbour hears of it, who may have a reason to dispute.
    else port.newInfo = true;
    port.learn = true;
    port.fdWhile = port.forward ? 0 : this.now + this.forwardDelay(port);
    return true;
  }

  /** A port forwards still that is to be blocked. */
  private isClosing(): boolean {
    return this.ports.some(({ spec, forward, forwarding }) => spec.isUp && forwarding && !forward);
  }

  /** A port that is to be blocked is in sync when it is. */
  private allSynced(): boolean {
    return this.ports.every(({ selected, role, selectedRole, synced, isBlocked }) => {
      if (!selected || role !== selectedRole) return false;
      return role === 'root' || (synced && (role === 'designated' || isBlocked));
    });
  }

  private reRooted(port: RstpPort): boolean {
    return this.ports.every(
      (other) => other === port || (other.role !== 'root' && this.now >= other.rrWhile),
    );
  }

  // Port state transitions, 17.30

  private applyState(port: RstpPort): void {
    const state: TreeState = port.forward ? 'forwarding' : port.learn ? 'learning' : 'blocking';
    if (state === port.asked) return;
    port.asked = state;
    port.unsettled++;
    // Opening counts at once, closing when it is settled.
    if (port.learn) port.learning = true;
    if (port.forward) port.forwarding = true;
    this.output.setState(port.spec.name, state, (now) => this.settle(port, now));
  }

  private settle(port: RstpPort, now: number): void {
    if (--port.unsettled > 0) return;
    port.learning = port.asked !== 'blocking';
    port.forwarding = port.asked === 'forwarding';
    if (!this.isRunning) this.run(now);
  }

  // Topology change, 17.31

  private topologyChange(port: RstpPort): boolean {
    const isActiveRole = port.role === 'root' || port.role === 'designated';
    if (port.tcState === 'inactive') {
      if (!port.learn) return false;
      port.tcState = 'learning';
      return true;
    }
    if (port.tcState === 'learning') {
      port.rcvdTc = false;
      port.rcvdTcn = false;
      port.rcvdTcAck = false;
      port.tcProp = false;
      if (isActiveRole && port.forward && !port.operEdge) {
        this.startTcTimer(port);
        this.propagate(port);
        port.newInfo = true;
        port.tcState = 'active';
        this.output.topologyChanged(port.spec.name);
        return true;
      }
      if (isActiveRole || port.learn || port.learning) return false;
      port.tcState = 'inactive';
      port.tcWhile = 0;
      port.tcAck = false;
      this.output.flush(port.spec.name);
      return true;
    }
    return this.activeTopologyChange(port, isActiveRole);
  }

  private activeTopologyChange(port: RstpPort, isActiveRole: boolean): boolean {
    if (!isActiveRole || port.operEdge) {
      port.tcState = 'learning';
      return true;
    }
    if (port.rcvdTcn || port.rcvdTc) {
      if (port.rcvdTcn) this.startTcTimer(port);
      if (port.role === 'designated' && port.rcvdTcn) port.tcAck = true;
      port.rcvdTcn = false;
      port.rcvdTc = false;
      this.propagate(port);
      return true;
    }
    if (port.tcProp) {
      this.startTcTimer(port);
      port.tcProp = false;
      this.output.flush(port.spec.name);
      return true;
    }
    if (!port.rcvdTcAck) return false;
    port.tcWhile = 0;
    port.rcvdTcAck = false;
    return true;
  }

  private startTcTimer(port: RstpPort): void {
    if (this.now < port.tcWhile) return;
    const { maxAge, forwardDelay, helloTime } = port.designatedTimes;
    port.tcWhile = this.now + (port.sendRSTP ? helloTime + SECOND : maxAge + forwardDelay);
    if (port.sendRSTP) port.newInfo = true;
  }

  private propagate(from: RstpPort): void {
    for (const port of this.ports) if (port !== from) port.tcProp = true;
  }

  // Port transmit, 17.26

  private transmit(port: RstpPort): void {
    const { now } = this;
    while (port.txCount > 0 && now >= port.txCountWhile) {
      port.txCount--;
      port.txCountWhile += SECOND;
    }
    if (!port.spec.isUp || !port.selected || port.updtInfo) return;
    if (now >= port.helloWhen) {
      port.helloWhen = this.nextHello();
      if (port.role === 'designated' || (port.role === 'root' && now < port.tcWhile)) port.newInfo = true;
    }
    if (!port.newInfo || port.txCount >= TX_HOLD_COUNT) return;
    port.newInfo = false;
    if (!port.sendRSTP && port.role !== 'designated' && port.role !== 'root') return;
    if (port.txCount++ === 0) port.txCountWhile = now + SECOND;
    const isTcn = !port.sendRSTP && port.role === 'root';
    if (isTcn && now >= port.tcWhile) return;
    this.output.send(port.spec.name, isTcn ? { kind: 'tcn' } : this.message(port));
    if (!isTcn) port.tcAck = false;
  }

  private message(port: RstpPort): Bpdu {
    const { designatedPriority, designatedTimes, role } = port;
    return {
      kind: port.sendRSTP ? 'rst' : 'config',
      root: designatedPriority.root,
      rootPathCost: designatedPriority.cost,
      bridge: designatedPriority.bridge,
      port: designatedPriority.port,
      ...designatedTimes,
      topologyChange: this.now < port.tcWhile,
      topologyChangeAck: !port.sendRSTP && port.tcAck,
      role: role === 'root' || role === 'designated' ? role : 'alternate',
      proposal: role === 'designated' && port.proposing,
      agreement: role !== 'designated' && port.agree,
      learning: port.learning,
      forwarding: port.forwarding,
    };
  }

  /** Of all ports at once: a bridge of 64 ports wakes once, not 64 times. */
  private nextHello(): number {
    const { helloTime } = this.bridge;
    return (Math.floor(this.now / helloTime) + 1) * helloTime;
  }

  private edgeDelay({ spec }: RstpPort): number {
    return spec.pointToPoint ? MIGRATE_TIME : this.rootTimes.maxAge;
  }

  /** Clause 17.20.6. */
  private forwardDelay(port: RstpPort): number {
    return port.sendRSTP ? port.designatedTimes.helloTime : port.designatedTimes.forwardDelay;
  }

  private ownPriority(): Vector {
    return { root: this.bridge.id, cost: 0, bridge: this.bridge.id, port: 0 };
  }

  private ownTimes(): Times {
    const { maxAge, helloTime, forwardDelay } = this.bridge;
    return { messageAge: 0, maxAge, helloTime, forwardDelay };
  }
}

function setTcFlags(port: RstpPort, bpdu: Bpdu): void {
  if (port.spec.guard.has('tcn')) return;
  if (bpdu.topologyChange) port.rcvdTc = true;
  if (bpdu.topologyChangeAck) port.rcvdTcAck = true;
}

/** recordTimes, clause 17.21.15. */
function timesOf(bpdu: Bpdu): Times {
  return { messageAge: bpdu.messageAge, ...believedTimes(bpdu) };
}

function isSameTimes(a: Times, b: Times): boolean {
  return (
    a.messageAge === b.messageAge &&
    a.maxAge === b.maxAge &&
    a.helloTime === b.helloTime &&
    a.forwardDelay === b.forwardDelay
  );
}

/** A bridge further, clause 17.21.23: a second more, in whole seconds. */
function aged(messageAge: number): number {
  return (Math.round(messageAge / SECOND) + 1) * SECOND;
}
