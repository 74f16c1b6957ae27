// LACP on one link: the machines of IEEE 802.1AX-2014 clause 6.4, as far as a link has them for itself. Which links make up
// an aggregate is for selection.ts. No clock and no I/O: whoever has them calls `tick` at `deadline`, and sends what `take`
// says is due.
//
//   receive (6.4.12):  disabled -> expired -> current        no LACPDU in time: current -> expired -> defaulted
//   mux (6.4.15):      detached -> waiting -> attached -> collecting -> distributing

import { type Lacpdu, type LacpEnd, STATE_BIT } from '../../wire/lacpdu.ts';

// 6.4.4, in ms.
const FAST_PERIODIC = 1_000;
const SLOW_PERIODIC = 30_000;
const SHORT_TIMEOUT = 3_000;
const LONG_TIMEOUT = 90_000;
const CHURN_DETECTION = 60_000;
const AGGREGATE_WAIT = 2_000;
/** LACPDUs in FAST_PERIODIC, 6.4.16. */
const MAX_SENT = 3;

const NEVER = Number.POSITIVE_INFINITY;
/** In place of a partner. It is told of this end each second, so that one that comes late need not wait for 30. */
const NOBODY: LacpEnd = {
  systemPriority: 0,
  system: '00:00:00:00:00:00',
  key: 0,
  portPriority: 0,
  port: 0,
  state: STATE_BIT.timeout,
};
/** What each end has to know of the other's state before it need not say it again, 6.4.9. */
const TOLD = STATE_BIT.activity | STATE_BIT.timeout | STATE_BIT.synchronization | STATE_BIT.aggregation;

export type ReceiveState = 'disabled' | 'expired' | 'defaulted' | 'current';
export type MuxState = 'detached' | 'waiting' | 'attached' | 'collecting' | 'distributing';
/** `standby`: it belongs to the aggregate, which cannot use it now. */
export type Selected = 'unselected' | 'standby' | 'selected';
export type Churn = 'none' | 'monitor' | 'churn';

/** What this end says of itself. */
export interface LacpIdentity {
  readonly systemPriority: number;
  readonly system: string;
  readonly key: number;
  readonly portPriority: number;
  readonly port: number;
  readonly isActive: boolean;
  /** Wants to hear from its partner each second, and misses it after three. */
  readonly isFast: boolean;
}

export class LacpMember {
  identity: LacpIdentity;
  receive: ReceiveState = 'disabled';
  mux: MuxState = 'detached';
  partner: LacpEnd = NOBODY;
  readonly actorChurn = new ChurnMachine();
  readonly partnerChurn = new ChurnMachine();
  private choice: Selected = 'unselected';
  private ownState: number = STATE_BIT.aggregation;
  private mustSend = false;
  private currentUntil = NEVER;
  private waitUntil = NEVER;
  private periodicAt = NEVER;
  /** When LACPDUs were sent, of the last FAST_PERIODIC. */
  private sentAt: number[] = [];

  constructor(identity: LacpIdentity) {
    this.identity = identity;
    this.introduce();
  }

  get actor(): LacpEnd {
    const { systemPriority, system, key, portPriority, port } = this.identity;
    return { systemPriority, system, key, portPriority, port, state: this.ownState };
  }

  get selected(): Selected {
    return this.choice;
  }

  get isCollecting(): boolean {
    return this.has(STATE_BIT.collecting);
  }

  get isDistributing(): boolean {
    return this.has(STATE_BIT.distributing);
  }

  /** Another identity begins anew, but for the priority of its port and what it wishes. */
  change(identity: LacpIdentity, now: number): void {
    const { system, systemPriority, key, port } = this.identity;
    const isOther =
      identity.system !== system ||
      identity.systemPriority !== systemPriority ||
      identity.key !== key ||
      identity.port !== port;
    this.identity = identity;
    this.introduce();
    this.mustSend = true;
    if (isOther && this.receive !== 'disabled') {
      this.setUp(false, now);
      this.setUp(true, now);
    }
    this.schedule(now);
  }

  /** The link came up or went down. */
  setUp(isUp: boolean, now: number): void {
    if (isUp === (this.receive !== 'disabled')) return;
    if (isUp) {
      this.expire(now);
      this.mustSend = true;
    } else {
      this.receive = 'disabled';
      this.currentUntil = NEVER;
      this.partner = NOBODY;
      this.set(STATE_BIT.expired | STATE_BIT.defaulted, false);
      this.choice = 'unselected';
    }
    this.schedule(now);
    this.advance(now);
    this.actorChurn.start(isUp, now);
    this.partnerChurn.start(isUp, now);
  }

  /** An LACPDU came in. */
  heard({ actor, partner }: Lacpdu, now: number): void {
    if (this.receive === 'disabled') return;
    if (!isSameLink(actor, this.partner)) this.choice = 'unselected';
    const own = this.actor;
    const isKnown = isSameLink(partner, own);
    if (!isKnown || ((partner.state ^ own.state) & TOLD) !== 0) this.mustSend = true;
    this.receive = 'current';
    this.set(STATE_BIT.expired | STATE_BIT.defaulted, false);
    this.currentUntil = now + (this.identity.isFast ? SHORT_TIMEOUT : LONG_TIMEOUT);
    // It is in step if it means this very link by what it says, and goes on saying it, 6.4.9 recordPDU.
    const isIndividual = (actor.state & STATE_BIT.aggregation) === 0;
    const isActive = ((actor.state | (partner.state & own.state)) & STATE_BIT.activity) !== 0;
    const isInStep = (isKnown || isIndividual) && isActive;
    this.partner = isInStep ? actor : { ...actor, state: actor.state & ~STATE_BIT.synchronization };
    this.schedule(now);
    this.advance(now);
  }

  /** What the aggregate thinks of it, 6.4.14. */
  select(choice: Selected, now: number): void {
    this.choice = choice;
    this.advance(now);
  }

  deadline(): number {
    const churn = Math.min(this.actorChurn.deadline, this.partnerChurn.deadline);
    const wait = this.choice === 'selected' ? this.waitUntil : NEVER;
    const next = Math.min(this.currentUntil, wait, this.periodicAt, churn);
    return this.mustSend && this.speaks && this.receive !== 'disabled'
      ? Math.min(next, this.sendableAt())
      : next;
  }

  tick(now: number): void {
    if (now >= this.currentUntil) {
      if (this.receive === 'current') this.expire(now);
      else this.giveUp();
      this.schedule(now);
    }
    if (now >= this.periodicAt) {
      this.mustSend = true;
      this.periodicAt = now + this.period();
    }
    this.advance(now);
    this.actorChurn.tick(now);
    this.partnerChurn.tick(now);
  }

  /** What is to be sent now, if anything is. */
  take(now: number): Lacpdu | undefined {
    if (!this.mustSend || this.receive === 'disabled') return undefined;
    if (!this.speaks) {
      this.mustSend = false;
      return undefined;
    }
    if (now < this.sendableAt()) return undefined;
    this.sentAt = [...this.sentAt.slice(1 - MAX_SENT), now];
    this.mustSend = false;
    return { actor: this.actor, partner: this.partner };
  }

  /** The last word of a link that leaves while it is up: else its partner would send on until it misses us. */
  farewell(now: number): Lacpdu | undefined {
    if (this.receive !== 'current') return undefined;
    this.select('unselected', now);
    return { actor: this.actor, partner: this.partner };
  }

  /** Somebody has to begin, 6.4.13. */
  private get speaks(): boolean {
    return this.identity.isActive || (this.partner.state & STATE_BIT.activity) !== 0;
  }

  private sendableAt(): number {
    return this.sentAt.length < MAX_SENT ? 0 : this.sentAt[0] + FAST_PERIODIC;
  }

  private introduce(): void {
    this.set(STATE_BIT.activity, this.identity.isActive);
    this.set(STATE_BIT.timeout, this.identity.isFast);
  }

  private expire(now: number): void {
    this.receive = 'expired';
    // With a short timeout it is asked to answer soon.
    const state = (this.partner.state & ~STATE_BIT.synchronization) | STATE_BIT.timeout;
    this.partner = { ...this.partner, state };
    this.currentUntil = now + SHORT_TIMEOUT;
    this.set(STATE_BIT.expired, true);
  }

  private giveUp(): void {
    this.receive = 'defaulted';
    this.currentUntil = NEVER;
    this.partner = NOBODY;
    this.choice = 'unselected';
    this.set(STATE_BIT.expired, false);
    this.set(STATE_BIT.defaulted, true);
  }

  private period(): number {
    return (this.partner.state & STATE_BIT.timeout) !== 0 ? FAST_PERIODIC : SLOW_PERIODIC;
  }

  /** 6.4.13: the partner may want to hear from here more often than before. */
  private schedule(now: number): void {
    if (this.receive === 'disabled' || !this.speaks) this.periodicAt = NEVER;
    else this.periodicAt = Math.min(this.periodicAt, now + this.period());
  }

  /** The mux machine, as far as it goes. */
  private advance(now: number): void {
    const { mux } = this;
    while (this.step(now));
    if (mux !== this.mux) this.mustSend = true;
    if (this.receive === 'disabled') return;
    this.actorChurn.see(this.has(STATE_BIT.synchronization), now);
    this.partnerChurn.see((this.partner.state & STATE_BIT.synchronization) !== 0, now);
  }

  private step(now: number): boolean {
    const before = this.mux;
    const isWanted = this.choice === 'selected';
    const isInStep = (this.partner.state & STATE_BIT.synchronization) !== 0;
    const collects = (this.partner.state & STATE_BIT.collecting) !== 0;
    switch (before) {
      case 'detached':
        if (this.choice !== 'unselected') this.enter('waiting', now + AGGREGATE_WAIT);
        break;
      case 'waiting':
        if (this.choice === 'unselected') this.enter('detached');
        else if (isWanted && now >= this.waitUntil) this.enter('attached');
        break;
      case 'attached':
        if (!isWanted) this.enter('detached');
        else if (isInStep) this.enter('collecting');
        break;
      case 'collecting':
        if (!isWanted || !isInStep) this.enter('attached');
        else if (collects) this.enter('distributing');
        break;
      case 'distributing':
        if (!isWanted || !isInStep || !collects) this.enter('collecting');
        break;
    }
    return this.mux !== before;
  }

  private enter(state: MuxState, waitUntil = NEVER): void {
    const rank = RANKS.indexOf(state);
    this.mux = state;
    this.waitUntil = waitUntil;
    this.set(STATE_BIT.synchronization, rank >= RANKS.indexOf('attached'));
    this.set(STATE_BIT.collecting, rank >= RANKS.indexOf('collecting'));
    this.set(STATE_BIT.distributing, state === 'distributing');
  }

  private has(bits: number): boolean {
    return (this.ownState & bits) !== 0;
  }

  private set(bits: number, isOn: boolean): void {
    this.ownState = isOn ? this.ownState | bits : this.ownState & ~bits;
  }
}

const RANKS: readonly MuxState[] = ['detached', 'waiting', 'attached', 'collecting', 'distributing'];

/** Whether an end does not get in step though it has had a minute, 6.4.17. */
class ChurnMachine {
  state: Churn = 'none';
  deadline = NEVER;
  /** Times that it began. */
  count = 0;

  start(isUp: boolean, now: number): void {
    this.state = isUp ? 'monitor' : 'none';
    this.deadline = isUp ? now + CHURN_DETECTION : NEVER;
  }

  see(isSynchronized: boolean, now: number): void {
    if (isSynchronized) {
      this.state = 'none';
      this.deadline = NEVER;
    } else if (this.state === 'none') this.start(true, now);
  }

  tick(now: number): void {
    if (now < this.deadline) return;
    this.state = 'churn';
    this.deadline = NEVER;
    this.count++;
  }
}

/** Whether both say the same of an end of a link, but for its state; whether it may be aggregated belongs to it. */
function isSameLink(a: LacpEnd, b: LacpEnd): boolean {
  return (
    a.port === b.port &&
    a.portPriority === b.portPriority &&
    a.system === b.system &&
    a.systemPriority === b.systemPriority &&
    a.key === b.key &&
    ((a.state ^ b.state) & STATE_BIT.aggregation) === 0
  );
}
