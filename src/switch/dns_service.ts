// The DNS server of one network in a switch: open as long as the gateway has its address, and why not if it is not.

import { isIP } from 'node:net';
import type { DnsStatus } from '../api.ts';
import { formatAddress } from '../config/subnet.ts';
import { PORT } from '../wire/dns.ts';
import { formatIp } from '../wire/ip_address.ts';
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
  /** By address. */
  private readonly listeners = new Map<string, DnsListener>();
  private readonly problems = new Map<string, string>();

  /** `port`: of this server, and of those that it asks. */
  constructor(plan: DnsPlan, facts: DnsServiceFacts, port = PORT) {
    this.facts = facts;
    this.port = port;
    this.plan = plan;
    this.responder = new DnsResponder(plan, facts, port);
  }

  configure(plan: DnsPlan): void {
    if (String(addressesOf(plan)) !== String(addressesOf(this.plan))) this.stop();
    this.plan = plan;
    this.responder.configure(plan);
  }

  /** Opens what is not open. */
  listen(): void {
    for (const address of addressesOf(this.plan))
      if (!this.listeners.has(address)) this.listeners.set(address, this.open(address));
  }

  private open(address: string): DnsListener {
    return new DnsListener({
      address,
      port: this.port,
      clientOf: (client) => this.responder.clientOf(client)?.name,
      hear: (asked) => this.responder.hear(asked),
      opened: () => this.note(address, ''),
      failed: (error) => {
        this.listeners.delete(address);
        this.note(
          address,
          sentence(error, isIP(address) === 6 ? `[${address}]:${this.port}` : `${address}:${this.port}`),
        );
      },
    });
  }

  /** Why it does not answer; empty: it does. */
  get problem(): string {
    const [problem = ''] = [...this.problems.values()].filter((one) => one !== '');
    if (problem !== '' || this.plan.forward !== 'host') return problem;
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
    for (const listener of this.listeners.values()) listener.close();
    this.listeners.clear();
    this.problems.clear();
  }

  private note(address: string, problem: string): void {
    const isOther = problem !== (this.problems.get(address) ?? '');
    this.problems.set(address, problem);
    // Also to be tried again.
    if (isOther || problem !== '') this.facts.noted();
  }
}

function addressesOf({ gateway, ipv6 }: DnsPlan): string[] {
  return [formatAddress(gateway), ...(ipv6 === undefined ? [] : [formatIp(ipv6.gateway)])];
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
