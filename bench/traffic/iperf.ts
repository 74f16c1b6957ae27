// TCP by iperf3, from the first host of a contender to the second.

import type { Host } from '../contenders/contender.ts';
import { RECEIVER_CPUS } from '../cpus.ts';
import type { Lab } from '../lab.ts';

const PORT = '5201';
const CONNECT_MS = 2000;
const PATIENCE_MS = 8000;

interface IperfReport {
  error?: string;
  end: {
    sum_sent: { retransmits?: number };
    sum_received: { bits_per_second: number; seconds: number };
    sum_received_bidir_reverse?: { bits_per_second: number };
  };
}

export interface TcpTraffic {
  /** Both directions together. */
  gbits: number;
  retransmits: number;
  /** That it took, without connecting. */
  seconds: number;
}

export interface TcpOptions {
  streams?: number;
  bothWays?: boolean;
  /** Of both ends; default RECEIVER_CPUS. */
  cpus?: string;
  /** Congestion control; default that of the machine. */
  congestion?: string;
}

export async function sendTcp(
  lab: Lab,
  [from, to]: readonly Host[],
  seconds: number,
  { streams = 1, bothWays = false, cpus = RECEIVER_CPUS, congestion }: TcpOptions = {},
): Promise<TcpTraffic> {
  // iperf3 takes less than a second for no end.
  const whole = Math.ceil(seconds);
  const server = lab.start(['iperf3', '-s', '-1', '-p', PORT, '--forceflush'], { netns: to.netns, cpus });
  try {
    await server.waitFor(/listening/);
    const command = [
      'iperf3',
      '-c',
      to.address,
      '-p',
      PORT,
      '-t',
      String(whole),
      '-P',
      String(streams),
      '-J',
    ];
    command.push('--connect-timeout', String(CONNECT_MS), ...(bothWays ? ['--bidir'] : []));
    if (congestion) command.push('-C', congestion);
    const client = lab.start(command, { netns: from.netns, cpus });
    const { error, end } = JSON.parse(await client.output(whole * 1000 + PATIENCE_MS)) as IperfReport;
    if (error !== undefined) throw new Error(`iperf3: ${error}`);
    const back = end.sum_received_bidir_reverse?.bits_per_second ?? 0;
    return {
      gbits: (end.sum_received.bits_per_second + back) / 1e9,
      retransmits: end.sum_sent.retransmits ?? 0,
      seconds: end.sum_received.seconds,
    };
  } finally {
    server.child.kill('SIGKILL');
  }
}
