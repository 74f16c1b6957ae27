// A cable of a simulation as a program sees it.

import type { LinkCounters, LinkOptions } from './direction.ts';

/** What can be done to a link. */
export type LinkDeed = { do: 'cut' | 'mend' } | { do: 'change'; options: LinkOptions; back: LinkOptions };

/** A link: its counters, and how to change it. */
export class Link {
  /** From the first end to the second, and back. */
  readonly counters: readonly [LinkCounters, LinkCounters];
  private readonly act: (deed: LinkDeed) => void;

  /** @internal */
  constructor(counters: readonly [LinkCounters, LinkCounters], act: (deed: LinkDeed) => void) {
    this.counters = counters;
    this.act = act;
  }

  /** From now on nothing arrives. Both ends keep their link, as behind a media converter. */
  cut(): void {
    this.act({ do: 'cut' });
  }

  /** Frames arrive again. */
  mend(): void {
    this.act({ do: 'mend' });
  }

  /** Other delays, rates and faults from now on; what is on its way arrives as before. */
  change(options: LinkOptions, back: LinkOptions = options): void {
    this.act({ do: 'change', options, back });
  }
}
