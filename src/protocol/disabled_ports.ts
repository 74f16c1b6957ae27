// Ports that were switched off for an error, as hardware switches do (errdisable): each with a reason, and until when. Whoever
// has the clock calls `take` at `deadline`.

export const DISABLE_REASONS = ['loop', 'storm', 'address_limit', 'tunnel_mac', 'tunnel_limit'] as const;
export type DisableReason = (typeof DISABLE_REASONS)[number];

function noneYet(): Record<DisableReason, number> {
  return { loop: 0, storm: 0, address_limit: 0, tunnel_mac: 0, tunnel_limit: 0 };
}

export interface Disabled {
  readonly reason: DisableReason;
  /** One sentence. */
  readonly text: string;
  /** ms, monotonic: when it is tried again. */
  readonly until: number;
}

export class DisabledPorts {
  private readonly ports = new Map<string, Disabled>();
  private readonly counts = new Map<string, Record<DisableReason, number>>();

  /** True if the port was not disabled until now. The error that came first stays the reason; the time begins anew. */
  disable(port: string, reason: DisableReason, text: string, ms: number, now: number): boolean {
    const known = this.ports.get(port);
    this.ports.set(port, { reason, text, ...known, until: now + ms });
    if (known === undefined) this.countsOf(port)[reason]++;
    return known === undefined;
  }

  get(port: string): Disabled | undefined {
    return this.ports.get(port);
  }

  /** How often it was disabled, by reason. */
  countsOf(port: string): Record<DisableReason, number> {
    const counts = this.counts.get(port) ?? noneYet();
    this.counts.set(port, counts);
    return counts;
  }

  names(): string[] {
    return [...this.ports.keys()];
  }

  deadline(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.ports.values()].map(({ until }) => until));
  }

  /** Takes out those whose time is over. */
  take(now: number): string[] {
    const due = this.names().filter((port) => (this.ports.get(port) as Disabled).until <= now);
    for (const port of due) this.ports.delete(port);
    return due;
  }

  /** It works again before its time. False: it did already. */
  release(port: string): boolean {
    return this.ports.delete(port);
  }

  /** The port is gone; another one of its name begins anew. */
  forget(port: string): void {
    this.ports.delete(port);
    this.counts.delete(port);
  }
}
