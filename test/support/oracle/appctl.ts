// What ovs-appctl says to a daemon, over one connection: JSON-RPC 1.0, an answer to each request before the next.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export class Appctl {
  private readonly socket: Socket;
  private text = '';
  private answered: (text: string) => void = () => {};
  private failed: (error: Error) => void = () => {};
  private id = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => this.take(part));
    socket.on('error', (error) => this.failed(error));
    socket.on('close', () => this.failed(new Error('the daemon has closed its control socket')));
  }

  static async open(path: string): Promise<Appctl> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new Appctl(socket);
  }

  call(method: string, ...params: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      this.answered = resolve;
      this.failed = reject;
      this.socket.write(JSON.stringify({ method, params, id: this.id++ }));
    });
  }

  close(): void {
    this.socket.destroy();
  }

  /** An answer ends with the brace that closes it, and no delimiter. */
  private take(part: string): void {
    this.text += part;
    if (!part.endsWith('}')) return;
    let answer: { result: string; error: string | null };
    try {
      answer = JSON.parse(this.text);
    } catch {
      return;
    }
    this.text = '';
    if (answer.error === null) this.answered(answer.result);
    else this.failed(new Error(answer.error));
  }
}
