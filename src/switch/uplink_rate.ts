// What rate a device takes that says no more than whether it took a frame. As CUBIC does for a connection (RFC 9438): when it refuses
// frames, a little less than it took; from there slowly back to where it refused, slower the nearer, and past it faster and faster.
//
//   bits    |          refused             /
//           |             /|           __/   <- and on, if it takes more than it did
//           |            / | _____----
//           |           /  |/
//           +-------------------------------- looks

/** Looks from a refusal until the rate is again what the device took then. */
const PLATEAU = 10;
/** How far below that it begins. */
const BELOW = 0.02;
/** In one look a device may have taken less than it could, as when the thread came late: no more than this is believed. */
const LEAST_LEFT = 0.9;
/** So many times what it once took: it is not full any more. */
const MUCH_MORE = 4;
/** Looks in which nothing waits: the same. */
const QUIET = 300;
const LEAST_BITS = 64_000;
/** Looks in a row: whatever the rate, the device refuses frames. Some do so with those that they cannot deliver. */
const IN_VAIN = 40;

/** What has become of a port since the last look. */
export interface UplinkLook {
  /** Bits a second that the device took. */
  taken: number;
  /** Frames that it refused. */
  refused: number;
  /** More is wanted than the rate. */
  isBusy: boolean;
}

export class UplinkRate {
  /** bit/s */
  bits: number;
  /** What the device took when it last refused something. */
  private known: number;
  private calm = 0;
  private quiet = 0;
  private inVain = 0;

  /** @param taken bit/s, while it refused others */
  constructor(taken: number) {
    this.known = Math.max(taken, LEAST_BITS);
    this.bits = this.known * (1 - BELOW);
  }

  /** The device is not full any more. */
  get isFree(): boolean {
    return this.bits > MUCH_MORE * this.known || this.quiet > QUIET;
  }

  /** A lower rate does not keep it from refusing frames: it is not for want of room. */
  get isFutile(): boolean {
    return this.inVain >= IN_VAIN;
  }

  look({ taken, refused, isBusy }: UplinkLook): void {
    this.inVain = refused > 0 ? this.inVain + 1 : 0;
    this.quiet = isBusy || refused > 0 ? 0 : this.quiet + 1;
    if (refused > 0) {
      this.known = Math.max(LEAST_BITS, Math.min(this.bits, Math.max(taken, LEAST_LEFT * this.bits)));
      this.calm = 0;
    } else if (isBusy) this.calm++;
    this.bits = this.known * (1 + BELOW * (this.calm / PLATEAU - 1) ** 3);
  }
}
