// What a program may add to the data plane: hooks, which see the frames of some ports between `classify` and the tables.
// Types only; docs/hooks.md tells what each promises. None of it costs anything where no port asks for a hook.

/** A frame as hooks see it. One object for all frames: nothing of it may be kept beyond the call, its bytes included. */
export interface HookFrame {
  /** Bytes, without the tag that the switch has taken off, and without FCS. */
  readonly length: number;
  /** Name of the port that it came in through, and the number by which `portNumber` of other frames can be compared. */
  readonly port: string;
  readonly portNumber: number;
  /** 0 in a VLAN-unaware bridge. */
  readonly vlan: number;
  /** PCP of the tag that it came in with. */
  readonly priority: number;
  /** 32 bits that are the same for both directions of a flow. */
  readonly flowHash: number;
  /** How many frames of a wire it stands for: more than one is a super-frame (GSO), of `segmentSize` bytes of payload each. */
  readonly segments: number;
  readonly segmentSize: number;
  /** Where the bytes begin that a checksum has still to be made over; 0 = nothing was left to do. It goes `checksumOffset` behind. */
  readonly checksumStart: number;
  readonly checksumOffset: number;

  /** By place in the frame, big-endian. What lies beyond its end reads as 0: no frame from the wire makes a hook throw. */
  getUint8(at: number): number;
  getUint16(at: number): number;
  getUint32(at: number): number;
  /** Only `rewrite` may; elsewhere they throw. Beyond `writable` nothing is written. */
  setUint8(at: number, value: number): void;
  setUint16(at: number, value: number): void;
  setUint32(at: number, value: number): void;
  /** So many bytes from the front may be written: all, or the headers of a long frame whose bytes others use, too. */
  readonly writable: number;
  /** Copies bytes from place `from` on to the beginning of `target`. Returns how many there were. */
  copyTo(target: Uint8Array, from?: number): number;

  /** For parsers in a hurry: all frames of the poll, and where in them the byte at a place of this one is. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  offsetOf(at: number): number;
}

/** What `generate` may say. */
export interface HookOutput {
  /** Frames that may still be sent in this call. */
  readonly room: number;
  /** A frame (no FCS) comes in as if the hook's port had received it. False: there is no room. @throws RangeError if it is none */
  receive(frame: Uint8Array): boolean;
  /** A frame leaves through the hook's port, whatever tables and port states say. */
  transmit(frame: Uint8Array): boolean;
}

/** Asked in this order, as far as they are there. */
export interface Hook {
  observe?(frame: HookFrame): void;
  /** False: the frame is dropped, with the reason `hook`. */
  filter?(frame: HookFrame): boolean;
  rewrite?(frame: HookFrame): void;
  /** Called when its time has come, the first time at once. Returns in how many ms it wants to be called again; nothing = only after `wake`. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is one of these
  generate?(out: HookOutput): number | void;
  /** It is no longer wanted. */
  close?(): void;
}

/** What a hook is told when it is made. */
export interface HookContext {
  readonly bridge: string;
  /** Undefined: of a whole bridge. */
  readonly port: string | undefined;
  /** Each worker has a hook of its own, for the frames that it receives. */
  readonly worker: number;
  /** ms, by the clock of the data plane. */
  readonly now: number;
  /** Tells the control plane, which makes an event of it: at most 1,000 characters, ten times a second. */
  report(text: string): void;
  /** `generate` is called in the next poll. */
  wake(): void;
}

/** The default export of a module. */
export type HookFactory = (options: Readonly<Record<string, unknown>>, context: HookContext) => Hook;

/** Which hooks the frames of a port meet, by their numbers and in their order; and names of all ports that have any. */
export interface HookTable {
  readonly chains: ReadonlyMap<number, readonly number[]>;
  readonly names: ReadonlyMap<number, string>;
}

/** Where a hook is, and what becomes of frames when it cannot be asked. */
export interface HookPlace {
  readonly id: number;
  readonly bridge: string;
  readonly port: string | undefined;
  readonly onError: 'pass' | 'drop';
}

/** What hooks have to say to the control plane. */
export interface HookNews {
  readonly id: number;
  readonly change: 'off' | 'reported';
  readonly text: string;
}
