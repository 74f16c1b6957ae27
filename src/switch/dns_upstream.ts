// Questions to resolvers: each by a UDP socket of its own, so that neither port nor id can be guessed (RFC 5452), by TCP if
// the answer is longer, and to the next resolver if there is none.

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { DnsStream, framed } from '../protocol/dns/framing.ts';
import type { DnsQuery } from '../protocol/dns/query.ts';
import {
  buildUpstreamQuery,
  readUpstreamAnswer,
  type UpstreamAnswer,
} from '../protocol/dns/upstream_answer.ts';
import { MAX_LEN, RCODE } from '../wire/dns.ts';

/** ms that one resolver has, by either transport. */
const PATIENCE = 2000;

type Given = UpstreamAnswer | undefined;
/** Opens what it asks by, tells what it hears, once, and returns how to close it. */
type Way = (give: (answer: Given) => void) => () => void;

export class DnsUpstream {
  private readonly port: number;
  /** Ends an exchange. */
  private readonly open = new Set<() => void>();
  private isClosed = false;

  constructor(port: number) {
    this.port = port;
  }

  /** The first answer of a resolver that knows; of one that does not, if none does; undefined: nobody answered. */
  async ask(query: DnsQuery, servers: readonly string[]): Promise<Given> {
    let best: Given;
    for (const server of servers) {
      const answer = await this.askOne(query, server);
      if (this.isClosed) return undefined;
      if (answer !== undefined && (answer.rcode === RCODE.noError || answer.rcode === RCODE.nxDomain))
        return answer;
      best ??= answer;
    }
    return best;
  }

  close(): void {
    this.isClosed = true;
    for (const end of this.open) end();
  }

  private async askOne(query: DnsQuery, server: string): Promise<Given> {
    const sent = buildUpstreamQuery(query, randomInt(0x1_0000));
    const read = (bytes: Buffer) => readUpstreamAnswer(sent, bytes, query.question);
    const answer = await this.exchange(this.byUdp(server, sent, read));
    if (answer?.isTruncated !== true || this.isClosed) return answer;
    return this.exchange(this.byTcp(server, sent, read));
  }

  private exchange(way: Way): Promise<Given> {
    return new Promise((resolve) => {
      let close = () => {};
      const give = (answer: Given) => {
        clearTimeout(timer);
        this.open.delete(end);
        close();
        resolve(answer);
      };
      const end = () => give(undefined);
      const timer = setTimeout(end, PATIENCE);
      timer.unref();
      this.open.add(end);
      try {
        close = way(give);
      } catch {
        end(); // no descriptor is left
      }
    });
  }

  private byUdp(server: string, sent: Buffer, read: (bytes: Buffer) => Given): Way {
    return (give) => {
      const socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4');
      socket.unref();
      // Refused, unreachable, or no socket is left: the next one.
      socket.on('error', () => give(undefined));
      socket.on('message', (bytes) => {
        const answer = read(bytes);
        if (answer !== undefined) give(answer);
      });
      // The kernel then hears nobody else.
      socket.connect(this.port, server, (error?: Error) => {
        if (error === undefined) socket.send(sent);
        else give(undefined);
      });
      return closeOnce(() => socket.close());
    };
  }

  private byTcp(server: string, sent: Buffer, read: (bytes: Buffer) => Given): Way {
    return (give) => {
      const socket = connect({ port: this.port, host: server });
      const stream = new DnsStream(MAX_LEN);
      socket.unref();
      socket.on('error', () => give(undefined));
      socket.on('close', () => give(undefined));
      socket.on('data', (chunk) => {
        const [answer] = stream.push(chunk)?.map(read) ?? [];
        if (answer !== undefined) give(answer);
      });
      socket.write(framed(sent));
      return () => void socket.destroy();
    };
  }
}

function closeOnce(close: () => void): () => void {
  let isOpen = true;
  return () => {
    if (isOpen) close();
    isOpen = false;
  };
}
