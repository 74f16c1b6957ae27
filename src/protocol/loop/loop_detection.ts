// Finds loops where no spanning tree runs: every port sends a probe a second, and one that comes back into its own bridge
// shows a loop. Time is an argument; whoever has it calls `tick` at `deadline`.
//
//   port A -- probe --> network --> port A      the loop is behind A
//                             '--> port B      A and B lead to the same network: the later one of both is the loop's
//
// A token is random and the port's own, and only the network behind the port sees it: nobody elsewhere can feign its loop.
// Frames of other switches with the same EtherType go on as if nobody had looked.

import { randomBytes } from 'node:crypto';
import { buildProbe, probeToken, TOKEN_LEN } from '../../wire/loop_probe.ts';
import { parseMac } from '../../wire/mac.ts';
import { withTag } from '../../wire/vlan.ts';
import type { Host, Punt } from '../host.ts';

/** Between two probes of a port, ms. */
export const PROBE_INTERVAL = 1000;

export interface LoopPortSpec {
  bridge: string;
  name: string;
  /** Source of its probes. */
  mac: string;
  /** That of its probes, TPID << 16 | VID; 0 = none. */
  tag: number;
  isUp: boolean;
}

/** `port` is the one to take out of the loop, `other` the one at its other end; both may be the same. */
export interface Loop {
  bridge: string;
  port: string;
  other: string;
}

interface ProbingPort {
  spec: LoopPortSpec;
  /** Later ports give way to earlier ones. */
  place: number;
  token: Uint8Array;
  sendAt: number;
}

export class LoopDetection {
  private readonly host: Pick<Host, 'send' | 'relay' | 'onPunt'>;
  private readonly found: (loop: Loop, now: number) => void;
  private readonly random: (length: number) => Uint8Array;
  private readonly byName = new Map<string, ProbingPort>();
  private readonly byToken = new Map<string, ProbingPort>();
  private readonly stopListening: () => void;

  constructor(
    host: Pick<Host, 'send' | 'relay' | 'onPunt'>,
    found: (loop: Loop, now: number) => void,
    random = randomBytes as (length: number) => Uint8Array,
  ) {
    this.host = host;
    this.found = found;
    this.random = random;
    this.stopListening = host.onPunt('loop_probe', (punt) => this.receive(punt));
  }

  /** The ports that there are from now on, in order; call it again whenever anything of them changes. */
  setPorts(specs: readonly LoopPortSpec[], now: number): void {
    const wanted = new Set(specs.map(({ name }) => name));
    for (const [name, port] of this.byName) if (!wanted.has(name)) this.forget(port);
    for (const [place, spec] of specs.entries()) {
      const known = this.byName.get(spec.name);
      if (known !== undefined && known.spec.bridge === spec.bridge) {
        // A link that comes up may have closed a loop.
        if (spec.isUp && !known.spec.isUp) known.sendAt = now;
        Object.assign(known, { spec, place });
        continue;
      }
      if (known !== undefined) this.forget(known);
      const port = { spec, place, token: this.random(TOKEN_LEN), sendAt: now };
      this.byName.set(spec.name, port);
      this.byToken.set(keyOf(port.token), port);
    }
  }

  deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { spec, sendAt } of this.byName.values()) if (spec.isUp) next = Math.min(next, sendAt);
    return next;
  }

  /** Sends what is due: also where a loop was found, so that its end is noticed. */
  tick(now: number): void {
    for (const port of this.byName.values()) {
      const { spec, token, sendAt } = port;
      if (!spec.isUp || sendAt > now) continue;
      port.sendAt = now + PROBE_INTERVAL;
      this.host.send(spec.name, buildProbe(macBytes(spec.mac), spec.tag, token));
    }
  }

  close(): void {
    this.stopListening();
    this.byName.clear();
    this.byToken.clear();
  }

  private receive({ port: name, bytes, tag, at }: Punt): void {
    const token = probeToken(bytes);
    const from = token && this.byToken.get(keyOf(token));
    const to = this.byName.get(name);
    if (from === undefined || to === undefined || from.spec.bridge !== to.spec.bridge) {
      this.host.relay(name, withTag(bytes, tag));
      return;
    }
    const [first, last] = from.place <= to.place ? [from, to] : [to, from];
    this.found({ bridge: to.spec.bridge, port: last.spec.name, other: first.spec.name }, at);
  }

  private forget(port: ProbingPort): void {
    this.byName.delete(port.spec.name);
    this.byToken.delete(keyOf(port.token));
  }
}

function keyOf(token: Uint8Array): string {
  return Buffer.from(token).toString('hex');
}

function macBytes(text: string): Uint8Array {
  const { hi, lo } = parseMac(text) ?? { hi: 0, lo: 0 };
  const bytes = new Uint8Array(6);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, hi);
  view.setInt32(2, lo);
  return bytes;
}
