// The DNS server of one network in a switch: open as long as the gateway has its address, and why not if it is not.

import type { DnsStatus } from '../api.ts';
import { formatAddress } from '../config/subnet.ts';
import { PORT } from '../wire/dns.ts';
import { DnsListener } from './dns_listener.ts';
import { type DnsFacts, type DnsPlan, DnsResponder } from './dns_responder.ts';

export interface DnsServiceFacts extends DnsFacts {
  /** `problem` is another one. */
  noted(): void;
}

export class DnsService {
  private readonly facts: DnsServiceFacts;
  private readonly port: number;
  private readonly responder: DnsResponder;
  private plan: DnsPlan;
  private listener: DnsListener | undefined;
  private listenProblem = '';

  /** `port`: of this server, and of those that it asks. */
  constructor(plan: DnsPlan, facts: DnsServiceFacts, port = PORT) {
    this.facts = facts;
    this.port = port;
    this.plan = plan;
    this.responder = new DnsResponder(plan, facts, port);
  }

  configure(plan: DnsPlan): void {
    if (plan.gateway !== this.plan.gateway) this.stop();
    this.plan = plan;
    this.responder.configure(plan);
  }

  /** Opens what is not open. */
  listen(): void {
    this.listener ??= new DnsListener({
      address: formatAddress(this.plan.gateway),
      port: this.port,
      clientOf: (address) => this.responder.clientOf(address)?.name,
      hear: (asked) => this.responder.hear(asked),
      opened: () => this.note(''),
      failed: (error) => {
        this.listener = undefined;
        this.note(sentence(error, `${formatAddress(this.plan.gateway)}:${this.port}`));
      },
    });
  }

  /** Why it does not answer; empty: it does. */
  get problem(): string {
    if (this.listenProblem !== '' || this.plan.forward !== 'host') return this.listenProblem;
    return this.responder.servers().length > 0 ? '' : NO_RESOLVERS;
  }

  status(): DnsStatus {
    return this.responder.status();
  }

  close(): void {
    this.stop();
    this.responder.close();
  }

  private stop(): void {
    this.listener?.close();
    this.listener = undefined;
    this.listenProblem = '';
  }

  private note(problem: string): void {
    const isOther = problem !== this.listenProblem;
    this.listenProblem = problem;
    // Also to be tried again.
    if (isOther || problem !== '') this.facts.noted();
  }
}

const NO_RESOLVERS =
  'no DNS but for names of guests: the host has no resolver in /etc/resolv.conf; name some in network.dns.forward';

function sentence({ code, message }: NodeJS.ErrnoException, where: string): string {
  if (code === 'EADDRINUSE')
    return `no DNS: address in use: another DNS server has ${where}; stop it, or set network.dns to false`;
  if (code === 'EACCES')
    return `no DNS: taploomd may not listen at ${where}: give it CAP_NET_BIND_SERVICE, or set network.dns to false`;
  return `no DNS: cannot listen at ${where}: ${message}`;
}
