// Runs one fake guest for `taploom fake-guest`, until it is done or somebody presses Ctrl-C, and prints what it counted.

import { randomBytes } from 'node:crypto';
import { FakeGuest } from '../../tester/guest/fake_guest.ts';
import { USUAL_FEATURES } from '../../tester/guest/negotiation.ts';
import { type GuestPlan, type GuestTally, runGuest } from '../../tester/guest/run_guest.ts';
import { explain, TesterError } from '../../tester/tester_error.ts';
import { ipv4Number, parseIp } from '../../wire/ip_address.ts';
import { type Mac, parseMac } from '../../wire/mac.ts';
import type { Context } from '../context.ts';

interface Options {
  path: string;
  mode: 'client' | 'server';
  address?: string;
  mac?: string;
  ping?: string;
  count: number;
  interval: number;
  send?: number;
  size: number;
  to?: string;
  rate: number;
  seconds?: number;
  packed?: boolean;
  queues: number;
  ringSize: number;
  timeout: number;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const EVERYBODY: Mac = { hi: 0xffff, lo: -1 };

export async function runFakeGuest(context: Context): Promise<void> {
  const options = context.options as unknown as Options;
  const plan = planOf(options);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    const guest = await open(options);
    try {
      await report(context, guest, plan, stop.signal);
    } finally {
      guest.close();
    }
  } catch (error) {
    throw explain(error);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

function open({ path, mode, queues, ringSize, packed, timeout }: Options): Promise<FakeGuest> {
  const features = packed ? ([...USUAL_FEATURES, 'ringPacked'] as const) : USUAL_FEATURES;
  return FakeGuest.open({ path, mode, queuePairs: queues, ringSize, features, timeoutMs: timeout * 1000 });
}

async function report(
  { terminal, json }: Context,
  guest: FakeGuest,
  plan: GuestPlan,
  signal: AbortSignal,
): Promise<void> {
  const say = (text: string): void => {
    if (!json) terminal.out(`${text}\n`);
  };
  say(greeting(guest));
  const tally = await runGuest(guest, plan, { say, signal });
  if (json) terminal.out(`${JSON.stringify(tallyJson(tally))}\n`);
  else say(tallyText(tally));
  if (plan.ping !== undefined && tally.pings.answered === 0) {
    throw new TesterError('no_answer', 'nobody answered');
  }
}

function greeting(guest: FakeGuest): string {
  const { path, ringSize, queuePairs } = guest.options;
  const layout = guest.has('ringPacked') ? 'packed' : 'split';
  const pairs = queuePairs === 1 ? '1 pair of queues' : `${queuePairs} pairs of queues`;
  return `connected to ${path}: ${pairs}, ${layout} rings of ${ringSize}`;
}

function tallyText({ sent, received, receivedBytes, echoed, connections, pings }: GuestTally): string {
  const lines = [
    `${sent} frames sent, ${received} received (${receivedBytes} bytes), ${echoed} pings answered, ${connections} connections`,
  ];
  if (pings.sent > 0) {
    const { rttMs } = pings;
    const mean = rttMs.reduce((sum, rtt) => sum + rtt, 0) / rttMs.length;
    const times =
      rttMs.length === 0
        ? ''
        : `, ${Math.min(...rttMs).toFixed(3)} / ${mean.toFixed(3)} / ${Math.max(...rttMs).toFixed(3)} ms`;
    lines.push(`${pings.answered} of ${pings.sent} own pings were answered${times}`);
  }
  return lines.join('\n');
}

function tallyJson({ sent, received, receivedBytes, echoed, connections, pings }: GuestTally): object {
  return {
    connections,
    sent,
    received,
    received_bytes: receivedBytes,
    echoed,
    pings: { sent: pings.sent, answered: pings.answered, rtt_ms: pings.rttMs },
  };
}

function planOf(options: Options): GuestPlan {
  const { address, mac, ping, count, interval, send = 0, size, to, rate, seconds } = options;
  if (ping !== undefined && address === undefined) {
    throw new TesterError('invalid_usage', '--ping needs an address to ask from: --address');
  }
  return {
    mac: mac === undefined ? randomMac() : macOf('--mac', mac),
    to: to === undefined ? EVERYBODY : macOf('--to', to),
    address: address === undefined ? undefined : addressOf('--address', address),
    ping: ping === undefined ? undefined : addressOf('--ping', ping),
    count,
    intervalMs: interval * 1000,
    frames: send,
    size,
    rate,
    seconds,
  };
}

function randomMac(): Mac {
  const bytes = randomBytes(6);
  return { hi: 0x0200 | bytes[1], lo: bytes.readInt32BE(2) };
}

function macOf(option: string, text: string): Mac {
  const mac = parseMac(text);
  if (mac === undefined) throw new TesterError('invalid_usage', `${option}: ${text} is not a MAC address`);
  return mac;
}

function addressOf(option: string, text: string): number {
  const bytes = parseIp(text);
  if (bytes?.length !== 4)
    throw new TesterError('invalid_usage', `${option}: ${text} is not an IPv4 address`);
  return ipv4Number(bytes) >>> 0;
}
