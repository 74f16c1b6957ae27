// Traffic between namespaces: ping, TCP that checks every byte, iperf3, raw frames, captures.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Netns } from './netns.ts';
import type { Background } from './process.ts';

const TRAFFIC = fileURLToPath(new URL('../../build/traffic', import.meta.url));
const SEND_FRAMES = fileURLToPath(new URL('./send_frames.py', import.meta.url));

export interface PingResult {
  sent: number;
  received: number;
}

export interface PingOptions {
  count?: number;
  /** Left out: all at once. Then none counts as lost that is answered in time. */
  intervalSeconds?: number;
  /** How long to wait for the last answer. */
  waitSeconds?: number;
  size?: number;
}

/**
 * iputils' ping: an implementation that is not ours. Once one was answered it waits for the last only two round trips or the
 * interval, whatever -W says: on a busy machine 10 ms were four of five pings lost. So the interval is the time to wait; and
 * where that is short, those after the last answer, for which nobody has waited, do not count as sent.
 */
export async function ping(from: Netns, address: string, options: PingOptions = {}): Promise<PingResult> {
  const { count = 5, intervalSeconds, waitSeconds = 1, size = 56 } = options;
  const pace = intervalSeconds === undefined ? ['-l', count, '-i', waitSeconds] : ['-i', intervalSeconds];
  const args = ['-n', '-c', count, ...pace, '-W', waitSeconds, '-s', size, address];
  const timeoutMs = (count * (intervalSeconds ?? 0) + count * waitSeconds + 5) * 1000;
  const { stdout, stderr } = await from.run(['ping', ...args.map(String)], { timeoutMs });
  const packets = stdout.match(/(\d+) packets transmitted, (\d+) received/);
  if (!packets) throw new Error(`ping ${address}: ${stderr || stdout}`);
  const [sent, received] = [Number(packets[1]), Number(packets[2])];
  if (intervalSeconds === undefined || received === 0) return { sent, received };
  const answered = [...stdout.matchAll(/bytes from .* icmp_seq=(\d+) /g)].map(([, seq]) => Number(seq));
  return { sent: Math.max(...answered), received };
}

/** True as soon as one ping is answered; tries for so long. */
export async function reaches(from: Netns, address: string, timeoutMs = 5000): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    if ((await ping(from, address, { count: 1, waitSeconds: 0.3 }).catch(() => null))?.received === 1)
      return true;
  }
  return false;
}

export interface TcpResult {
  bytes: number;
  gigabitsPerSecond: number;
}

/** Sends for so long; the receiver compares every byte, so a corrupted segment rejects. */
export async function tcp(
  from: Netns,
  to: Netns,
  address: string,
  seconds = 2,
  port = 5001,
): Promise<TcpResult> {
  if (!existsSync(TRAFFIC)) throw new Error(`${TRAFFIC} is missing: npm run build`);
  const receiver = to.spawn([TRAFFIC, '-', 'receive', String(port)]);
  await receiver.waitFor(/listening/);
  try {
    await from.check([TRAFFIC, '-', 'send', address, String(port), String(seconds)], {
      timeoutMs: (seconds + 15) * 1000,
    });
  } catch (error) {
    // The receiver knows the cause if it was corrupted data.
    throw new Error(`${error instanceof Error ? error.message : error}\nreceiver: ${receiver.stderr}`);
  }
  const code = await receiver.exit(10_000);
  if (code !== 0) throw new Error(`TCP to ${address}: ${receiver.stderr}`);
  const [bytes, took] = receiver.stdout.trim().split('\n')[1].split(' ').map(Number);
  return { bytes, gigabitsPerSecond: (bytes * 8) / took / 1e9 };
}

/** A TCP measurement with iperf3, with its options for the client. */
export async function iperf3(from: Netns, to: Netns, address: string, seconds = 2, ...options: string[]) {
  const server = to.spawn(['iperf3', '-s', '-1', '--forceflush']);
  await server.waitFor(/listening/);
  const timeoutMs = (seconds + 15) * 1000;
  const text = await from.check(['iperf3', '-c', address, '-t', String(seconds), '-J', ...options], {
    timeoutMs,
  });
  await server.exit();
  const end: IperfEnd = JSON.parse(text).end;
  return end;
}

interface IperfSum {
  bytes: number;
  bits_per_second: number;
  retransmits?: number;
  lost_packets?: number;
  packets?: number;
}
interface IperfEnd {
  sum_sent: IperfSum;
  sum_received: IperfSum;
  sum?: IperfSum;
}

/** Frames in hexadecimal, each sent `count` times through a raw socket, in bursts that fit a TAP's queue of 1,000. */
export async function sendFrames(
  from: Netns,
  device: string,
  frames: readonly { hex: string; count?: number }[],
): Promise<void> {
  const input = frames.map(({ hex, count = 1 }) => `${count} ${hex}\n`).join('');
  await from.check(['/usr/bin/python3', SEND_FRAMES, device], { input });
}

/** A capture with tcpdump; `stop` gives one line per frame, with MAC addresses. */
export class Capture {
  private readonly process: Background;
  private readonly where: Netns;
  private readonly file: string;

  private constructor(process: Background, where: Netns, file: string) {
    this.process = process;
    this.where = where;
    this.file = file;
  }

  static async start(where: Netns, device: string, file: string, ...filter: string[]): Promise<Capture> {
    const options = ['-i', device, '-w', file, '-U', '--immediate-mode', '-s', '256', '-Z', 'root'];
    const process = where.spawn(['tcpdump', ...options, ...filter]);
    await process.waitFor(/listening on/);
    return new Capture(process, where, file);
  }

  async stop(): Promise<string[]> {
    await this.process.stop('SIGINT');
    const text = await this.where.check(['tcpdump', '-r', this.file, '-nn', '-e', '-t', '-Z', 'root']);
    // Under a frame whose payload it does not know tcpdump prints a dump, indented.
    return text.split('\n').filter((line) => /^\S/.test(line));
  }
}
