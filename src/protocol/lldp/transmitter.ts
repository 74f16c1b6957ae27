// When a port sends its LLDPDU: the transmit timer of IEEE 802.1AB-2016 clause 9.2 (figures 9-1 and 9-3), with points in
// time in place of a tick. It sends every 30 s; a second apart, four times, once a neighbour is new; at once after a
// change; and never more than five in a row or one a second in the long run (txCredit), whatever neighbours do.

/** Clause 9.2.5's recommended defaults; ms. */
export const TX_INTERVAL = 30_000;
export const FAST_INTERVAL = 1_000;
export const FAST_FRAMES = 4;
export const MAX_CREDIT = 5;
export const REINIT_DELAY = 2_000;
const CREDIT_INTERVAL = 1_000;
/** How many intervals a neighbour may miss: msgTxHold. */
export const TX_HOLD = 4;
/** Seconds that neighbours keep what we send, clause 9.2.5.22. */
export const TX_TTL = Math.min(0xffff, (TX_INTERVAL / 1000) * TX_HOLD + 1);

const NEVER = Number.POSITIVE_INFINITY;

export class LldpTransmitter {
  private isOn = false;
  /** txTTR. */
  private nextAt = NEVER;
  /** txFast: frames that are still to be sent a second apart. */
  private fast = 0;
  /** Not renewed with `start`: a link may flap. */
  private credit = MAX_CREDIT;
  private creditAt = 0;
  /** txNow: a frame is due, and waits for credit. */
  private isDue = false;
  /** After a shutdown frame nothing is sent for a while: txShutdownWhile. */
  private silentUntil = 0;

  get isRunning(): boolean {
    return this.isOn;
  }

  /** The port can send, and shall. */
  start(now: number): void {
    if (this.isOn) return;
    this.isOn = true;
    this.nextAt = Math.max(now, this.silentUntil);
    this.fast = 0;
    this.isDue = false;
  }

  /** The link went down. */
  stop(): void {
    this.isOn = false;
    this.nextAt = NEVER;
    this.isDue = false;
  }

  /** A shutdown frame was sent. */
  shutDown(now: number): void {
    this.stop();
    this.silentUntil = now + REINIT_DELAY;
  }

  /** A neighbour that was not there before should hear from us soon. */
  neighborAppeared(now: number): void {
    if (!this.isOn || this.fast > 0) return;
    this.fast = FAST_FRAMES;
    this.nextAt = Math.max(now, this.silentUntil);
  }

  /** What we would say has changed. */
  localChanged(now: number): void {
    if (this.isOn) this.nextAt = Math.min(this.nextAt, Math.max(now, this.silentUntil));
  }

  /** A frame that `take` asked for could not be handed over: again in a second. */
  failed(now: number): void {
    if (this.isOn) this.nextAt = Math.min(this.nextAt, now + FAST_INTERVAL);
  }

  /** Whether a frame has to be sent now. */
  take(now: number): boolean {
    if (!this.isOn) return false;
    this.earnCredit(now);
    if (now >= this.nextAt) {
      if (this.fast > 0) this.fast--;
      this.nextAt = now + (this.fast > 0 ? FAST_INTERVAL : TX_INTERVAL);
      this.isDue = true;
    }
    if (!this.isDue || this.credit === 0) return false;
    this.isDue = false;
    this.credit--;
    return true;
  }

  /** When `take` should be asked again; infinity: not before something happens. */
  deadline(): number {
    return this.isDue ? Math.min(this.nextAt, this.creditAt + CREDIT_INTERVAL) : this.nextAt;
  }

  private earnCredit(now: number): void {
    const earned = Math.floor((now - this.creditAt) / CREDIT_INTERVAL);
    if (earned <= 0) return;
    this.credit = Math.min(MAX_CREDIT, this.credit + earned);
    this.creditAt += earned * CREDIT_INTERVAL;
  }
}
