// Small numbers for names. A number stays with its name while the thing exists, so that counters and FDB entries survive
// a reconfiguration. One that is given back is not given out again before the next compilation: the data plane must
// have forgotten it first.

import { type PrivateVlans, primaryOf } from '../config/private_vlans.ts';
import { TaploomError } from '../error.ts';

/** Numbers from 1 on for names. */
export class Names {
  private readonly numbers = new Map<string, number>();
  private readonly names: (string | undefined)[] = [undefined];
  private readonly free: number[] = [];
  private readonly limit: number;
  private readonly what: string;

  /** @param limit numbers stay below it */
  constructor(what: string, limit: number) {
    this.what = what;
    this.limit = limit;
  }

  /** Highest number ever given, plus one: the length of an array by number. */
  get length(): number {
    return this.names.length;
  }

  find(name: string): number | undefined {
    return this.numbers.get(name);
  }

  name(number: number): string | undefined {
    return this.names[number];
  }

  /** The name's number, given out if it has none. @throws TaploomError `too_many` */
  number(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    const number = this.free.pop() ?? this.names.length;
    if (number >= this.limit) throw tooMany(this.what, this.limit - 1);
    this.numbers.set(name, number);
    this.names[number] = name;
    return number;
  }

  /** Gives back every number whose name is not in `kept`. */
  keep(kept: ReadonlySet<string>): void {
    for (const [name, number] of this.numbers) {
      if (kept.has(name)) continue;
      this.numbers.delete(name);
      this.names[number] = undefined;
      this.free.push(number);
    }
  }

  /** Throws what `number` would throw if all of `wanted` were added now. */
  check(wanted: Iterable<string>): void {
    let count = this.numbers.size;
    for (const name of wanted) if (!this.numbers.has(name)) count++;
    if (count >= this.limit) throw tooMany(this.what, this.limit - 1);
  }
}

/** A bridge's VLANs, by VID: 1 where there is a domain. Of a bridge that does not filter VLANs only VID 0. */
export type VidSet = Uint8Array;

const NO_NUMBERS = new Uint16Array(0);
const NOT_PRIVATE: PrivateVlans = new Map();

export interface Domain {
  bridge: string;
  vid: number;
}

/** VLANs that have no domain of their own, and whose they share, by bridge. */
export type Primaries = ReadonlyMap<string, PrivateVlans>;

/** Numbers from 1 on for (bridge, VLAN). Arrays instead of names: 48 trunks of 4,094 VLANs are 200,000 look-ups. */
export class Domains {
  private readonly byBridge = new Map<string, Uint16Array>();
  private readonly owners: (Domain | undefined)[] = [undefined];
  private primaries: Primaries = new Map();
  private readonly free: number[] = [];
  private readonly limit: number;
  private count = 0;

  /** @param limit numbers stay below it */
  constructor(limit: number) {
    this.limit = limit;
  }

  get length(): number {
    return this.owners.length;
  }

  find(bridge: string, vid: number): number | undefined {
    const primary = primaryOf(this.primaries.get(bridge) ?? NOT_PRIVATE, vid);
    return this.byBridge.get(bridge)?.[primary] || undefined;
  }

  owner(number: number): Domain | undefined {
    return this.owners[number];
  }

  /** Numbers of a bridge by VID, 0 = none, or none of its own. */
  ofBridge(bridge: string): Uint16Array {
    return this.byBridge.get(bridge) ?? NO_NUMBERS;
  }

  /** The same, with those that are shared. */
  sharedOfBridge(bridge: string): Uint16Array {
    const numbers = this.ofBridge(bridge);
    const vlans = this.primaries.get(bridge) ?? NOT_PRIVATE;
    if (vlans.size === 0) return numbers;
    const shared = numbers.slice();
    for (const [vid, { primary }] of vlans) shared[vid] = numbers[primary];
    return shared;
  }

  /** Gives numbers to all that is wanted, then takes back those of everything else. @throws TaploomError `too_many` */
  keep(wanted: ReadonlyMap<string, VidSet>, primaries: Primaries): void {
    this.primaries = primaries;
    for (const [bridge, vids] of wanted) {
      let numbers = this.ofBridge(bridge);
      if (numbers.length < vids.length) {
        const before = numbers;
        numbers = new Uint16Array(vids.length);
        numbers.set(before);
        this.byBridge.set(bridge, numbers);
      }
      for (let vid = 0; vid < vids.length; vid++) {
        if (vids[vid] === 1 && numbers[vid] === 0) numbers[vid] = this.give(bridge, vid);
      }
    }
    for (const [bridge, numbers] of this.byBridge) {
      const vids = wanted.get(bridge);
      for (let vid = 0; vid < numbers.length; vid++) {
        if (numbers[vid] === 0 || vids?.[vid] === 1) continue;
        this.owners[numbers[vid]] = undefined;
        this.free.push(numbers[vid]);
        numbers[vid] = 0;
        this.count--;
      }
      if (vids === undefined) this.byBridge.delete(bridge);
    }
  }

  /** Throws what `keep` would throw. */
  check(wanted: ReadonlyMap<string, VidSet>): void {
    let { count } = this;
    for (const [bridge, vids] of wanted) {
      const numbers = this.byBridge.get(bridge);
      for (let vid = 0; vid < vids.length; vid++) if (vids[vid] === 1 && !numbers?.[vid]) count++;
    }
    if (count >= this.limit) throw tooMany('domains (bridge and VLAN)', this.limit - 1);
  }

  private give(bridge: string, vid: number): number {
    const number = this.free.pop() ?? this.owners.length;
    if (number >= this.limit) throw tooMany('domains (bridge and VLAN)', this.limit - 1);
    this.owners[number] = { bridge, vid };
    this.count++;
    return number;
  }
}

function tooMany(what: string, limit: number): TaploomError {
  return new TaploomError('too_many', `Cannot have more than ${limit} ${what}`);
}

/** Of a tunnel's remote. An interface name has no slash, so this is unambiguous. */
export function remoteName(port: string, remote: string): string {
  return `${port}/${remote}`;
}
