// Many guests behind memory ports of a switch that want an address at once, RFC 2131.

import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Switch } from '../src/index.ts';
import { OPTION } from '../src/wire/dhcp4/codes.ts';
import { buildDhcpFrame, CLIENT_PORT, parseDhcpFrame, SERVER_PORT } from '../src/wire/dhcp4/frame.ts';
import { buildMessage, DEFAULT_MAX_LEN, type DhcpMessage } from '../src/wire/dhcp4/message.ts';
import { uint32 } from '../src/wire/dhcp4/values.ts';
import type { Mac } from '../src/wire/mac.ts';

export const GUESTS = 1000;
const GUEST_PORTS = 100;
/** Between two looks at what else is to be done. */
const AT_ONCE = 50;
/** After which udhcpc asks again. */
const RETRY_MS = 3000;
const TIMEOUT_MS = 60_000;
const BROADCAST = 0xffff_ffff;
const BROADCAST_MAC: Mac = { hi: 0xffff, lo: -1 };
const MAC_HI = 0x0210;

const PORTS = Array.from({ length: GUEST_PORTS }, (_, n) => `p${n}`);
const portOf = (guest: number) => PORTS[guest % GUEST_PORTS];

/** Ports of the switch. Checksums are whole there. */
export const GUESTS_PORTS = Object.fromEntries(
  PORTS.map((name) => [name, { type: 'memory' as const, offloads: false }]),
);

interface Guest {
  /** What it waits for. */
  wants: 'offer' | 'ack';
  frame: Uint8Array;
  sentAt: number;
}

/** From the first question until all have an address. */
export async function secondsToLease(taploom: Switch): Promise<number> {
  const from = performance.now();
  const waiting = new Map<number, Guest>();
  const say = (guest: number, wants: Guest['wants'], frame: Uint8Array) => {
    taploom.memoryPort(portOf(guest)).send(frame);
    waiting.set(guest, { wants, frame, sentAt: performance.now() });
  };
  for (let guest = 0; guest < GUESTS; guest++) {
    say(guest, 'offer', frameOf(guest, 'discover', []));
    // The server of the switch is in this thread.
    if (guest % AT_ONCE === 0) await setImmediate();
  }
  while (waiting.size > 0) {
    if (performance.now() - from > TIMEOUT_MS) throw new Error(`${waiting.size} guests have no address`);
    for (const message of heard(taploom)) {
      const guest = message.mac.lo;
      const { wants } = waiting.get(guest) ?? {};
      if (message.type !== wants || message.xid !== guest + 1) continue;
      if (wants === 'ack') waiting.delete(guest);
      else say(guest, 'ack', frameOf(guest, 'request', answerTo(message)));
    }
    for (const [guest, { wants, frame, sentAt }] of waiting)
      if (performance.now() - sentAt > RETRY_MS) say(guest, wants, frame);
    await setTimeout(1);
  }
  return (performance.now() - from) / 1000;
}

function* heard(taploom: Switch): Generator<DhcpMessage> {
  for (const name of PORTS) {
    const port = taploom.memoryPort(name);
    for (let frame = port.receive(); frame !== undefined; frame = port.receive()) {
      const parsed = parseDhcpFrame(frame.bytes);
      if (typeof parsed !== 'string') yield parsed.message;
    }
  }
}

type Options = readonly (readonly [number, Uint8Array])[];

function answerTo({ yiaddr, options }: DhcpMessage): Options {
  const server = options.get(OPTION.serverId) ?? new Uint8Array(4);
  return [
    [OPTION.requestedAddress, uint32(yiaddr)],
    [OPTION.serverId, server],
  ];
}

function frameOf(guest: number, type: 'discover' | 'request', options: Options): Uint8Array {
  const mac = { hi: MAC_HI, lo: guest };
  const none = { hops: 0, secs: 0, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0, serverName: '', bootFile: '' };
  const message = { ...none, type, isReply: false, xid: guest + 1, broadcast: false, mac };
  const { bytes } = buildMessage({ ...message, options: new Map(options) }, DEFAULT_MAX_LEN);
  return buildDhcpFrame(
    {
      srcMac: mac,
      dstMac: BROADCAST_MAC,
      src: 0,
      dst: BROADCAST,
      srcPort: CLIENT_PORT,
      dstPort: SERVER_PORT,
    },
    bytes,
  );
}
