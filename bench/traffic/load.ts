// The two ends of load.c, in the first two hosts of a contender.

import { setTimeout } from 'node:timers/promises';
import { built, type Host } from '../contenders/contender.ts';
import { RECEIVER_CPUS, SENDER_CPUS } from '../cpus.ts';
import type { Lab } from '../lab.ts';
import type { Process } from '../process.ts';

const PORT = '5300';
/** What a slow machine may need beyond the time that the traffic takes. */
const PATIENCE_MS = 10_000;
const IN_FLIGHT_MS = 50;
/** IEEE 802.1D-2004, 17.19.44: in the long run one BPDU a second may be sent. */
const BPDU_INTERVAL_US = 1_050_000;

/** UDP payload of a 64-byte Ethernet frame, FCS included. */
export const SMALLEST = 18;

export interface UdpTraffic {
  kpps: number;
  received: number;
  /** That it was sent for. */
  seconds: number;
}

export interface UdpOptions {
  /** Datagrams a second; 0, the default: as fast as one sender can. */
  rate?: number;
  /** To so many addresses in turns, `step` apart; default 1. */
  targets?: number;
  step?: number;
  /** Where they are received. */
  port?: number;
}

/** Datagrams from the first host to the second. */
export async function sendUdp(
  lab: Lab,
  [from, to]: readonly Host[],
  size: number,
  seconds: number,
  { rate = 0, targets = 1, step = 0, port = Number(PORT) }: UdpOptions = {},
): Promise<UdpTraffic> {
  const receiver = await listening(lab, to, port);
  try {
    const command = [
      built('load'),
      'send',
      to.address,
      String(port),
      String(size),
      String(seconds),
      String(rate),
    ];
    if (targets > 1) command.push(String(targets), String(step));
    const sender = lab.start(command, { netns: from.netns, cpus: SENDER_CPUS });
    const sent = JSON.parse(await sender.output(seconds * 1000 + PATIENCE_MS)) as { seconds: number };
    await setTimeout(IN_FLIGHT_MS);
    receiver.child.kill('SIGTERM');
    const json = (await receiver.output(PATIENCE_MS)).trim().split('\n').at(-1) ?? '';
    const { received } = JSON.parse(json) as { received: number };
    return { kpps: received / sent.seconds / 1000, received, seconds: sent.seconds };
  } finally {
    receiver.child.kill('SIGKILL');
  }
}

/** Round-trip times in µs. */
export interface RoundTrips {
  samples: number;
  /** Of the samples; their times are those after which nobody waited any longer, 200 ms. */
  lost: number;
  mean: number;
  p50: number;
  p99: number;
  max: number;
}

/** ICMP echo requests and their answers, `intervalUs` apart. */
export async function roundTrips(
  lab: Lab,
  [from, to]: readonly Host[],
  seconds: number,
  intervalUs = 1000,
): Promise<RoundTrips> {
  const command = [built('load'), 'ask', to.address, String(seconds), String(intervalUs)];
  const asking = lab.start(command, { netns: from.netns, cpus: SENDER_CPUS });
  return JSON.parse(await asking.output(seconds * 1000 + PATIENCE_MS)) as RoundTrips;
}

/** From a BPDU that proposes to the one that agrees, µs. */
export async function agreements(
  lab: Lab,
  { netns, device }: Host,
  proposal: Uint8Array,
  seconds: number,
): Promise<RoundTrips> {
  const hex = Buffer.from(proposal).toString('hex');
  const command = [built('load'), 'propose', device, hex, String(seconds), String(BPDU_INTERVAL_US)];
  const asking = lab.start(command, { netns, cpus: SENDER_CPUS });
  return JSON.parse(await asking.output(seconds * 1000 + PATIENCE_MS)) as RoundTrips;
}

/** A receiver that is ready. */
export async function listening(lab: Lab, { netns }: Pick<Host, 'netns'>, port: number): Promise<Process> {
  const started = lab.start([built('load'), 'receive', String(port)], { netns, cpus: RECEIVER_CPUS });
  await started.waitFor(/^ready/m);
  return started;
}
