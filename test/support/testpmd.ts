// DPDK's testpmd as a vhost-user back end: one port that sends back what it receives, with the addresses exchanged.

import { randomBytes } from 'node:crypto';
import { Background } from './process.ts';

export interface TestpmdOptions {
  /** Of the socket. */
  path: string;
  /** The back end connects. Default: it listens. */
  isClient?: boolean;
  queues?: number;
}

export class Testpmd {
  private readonly process: Background;

  private constructor(process: Background) {
    this.process = process;
  }

  static async start({ path, isClient = false, queues = 1 }: TestpmdOptions): Promise<Testpmd> {
    const name = `taploom${randomBytes(4).toString('hex')}`;
    const device = `net_vhost0,iface=${path},queues=${queues},client=${isClient ? 1 : 0},tso=1`;
    const process = new Background([
      'dpdk-testpmd',
      ...['--no-huge', '-m', '256', '--no-pci', '--no-shconf', '--no-telemetry', '-l', '0,1'],
      ...['--file-prefix', name, `--vdev=${device}`, '--'],
      ...['-i', '--total-num-mbufs=4096', '--port-topology=loop', '--forward-mode=macswap', '--auto-start'],
      ...[`--rxq=${queues}`, `--txq=${queues}`, '--max-pkt-len=9200'],
    ]);
    try {
      await process.waitFor(/testpmd> /);
    } catch (error) {
      process.kill('SIGKILL');
      throw error;
    }
    return new Testpmd(process);
  }

  get output(): string {
    return this.process.stdout + this.process.stderr;
  }

  async stop(): Promise<void> {
    this.process.child.stdin?.end('stop\nquit\n');
    await this.process.exit();
  }

  /** As a crash. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.process.exit();
  }
}
