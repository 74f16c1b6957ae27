// What the DNS server of one network does with a question.
//
//   limits -> question -> names of guests | cache | resolvers -> answer
//
// It answers the subnet and nobody else. One question that many wait for is asked once.

import type { DnsStatus } from '../api.ts';
import type { Network6, NetworkDns } from '../config/networks.ts';
import { maskOf, type Subnet } from '../config/subnet.ts';
import { buildAnswer, cutTo, errorHeader } from '../protocol/dns/answer.ts';
import { DnsCache, questionKey } from '../protocol/dns/cache.ts';
import { decide, type Refused } from '../protocol/dns/decision.ts';
import { DnsLimits, type DnsRoom, OF_STRANGERS } from '../protocol/dns/limits.ts';
import type { Names } from '../protocol/dns/names.ts';
import { type DnsQuery, parseQuery } from '../protocol/dns/query.ts';
import { tailor, type UpstreamAnswer } from '../protocol/dns/upstream_answer.ts';
import { Zone } from '../protocol/dns/zone.ts';
import { MAX_LEN, RCODE } from '../wire/dns.ts';
import { type IpBytes, ipv4Number, parseIp } from '../wire/ip_address.ts';
import { prefixContains } from '../wire/ip_prefix.ts';
import type { Asked } from './dns_listener.ts';
import { DnsUpstream } from './dns_upstream.ts';

export interface DnsPlan extends NetworkDns {
  readonly gateway: number;
  readonly subnet: Subnet;
  readonly ipv6?: Pick<Network6, 'gateway' | 'subnet'>;
}

export interface DnsFacts {
  /** One for all networks. */
  readonly room: DnsRoom;
  /** Of guests, now. */
  readonly names: () => Names;
  /** Where the guest is that has the address by a lease. */
  portOf(address: number): string | undefined;
  portOf6(address: IpBytes): string | undefined;
  /** Of the host, without ourselves. */
  resolvers(): readonly string[];
  /** ms, monotonic. */
  now(): number;
}

interface Client {
  readonly name: string;
  readonly limits: DnsLimits;
}

interface Waiting {
  readonly query: DnsQuery;
  readonly asked: Asked;
  readonly client: Client;
}

export class DnsResponder {
  private readonly facts: DnsFacts;
  private plan: DnsPlan;
  private readonly limits: { readonly guests: DnsLimits; readonly strangers: DnsLimits };
  private readonly upstream: DnsUpstream;
  private cache = new DnsCache();
  private waiting = new Map<string, Waiting[]>();
  private zone: Zone;
  private readonly counters = { queries: 0, zone: 0, cache: 0, upstream: 0, failed: 0 };
  private readonly refused: Record<string, number> = {};
  private readonly malformed: Record<string, number> = {};

  /** `port`: of the resolvers. */
  constructor(plan: DnsPlan, facts: DnsFacts, port: number) {
    this.plan = plan;
    this.facts = facts;
    this.zone = this.zoneOf(plan);
    const { room } = facts;
    this.limits = { guests: new DnsLimits(room), strangers: new DnsLimits(room, OF_STRANGERS) };
    this.upstream = new DnsUpstream(port);
  }

  configure(plan: DnsPlan): void {
    const isOther = String(this.plan.forward) !== String(plan.forward);
    this.plan = plan;
    this.zone = this.zoneOf(plan);
    if (!isOther) return;
    // What one resolver said is not what another one says.
    this.cache = new DnsCache();
    this.waiting = new Map();
  }

  /**
   * Whose question it is: of the guest behind a port, however many addresses that takes, or of an address that nobody has
   * by a lease. Undefined: of nobody in the subnet.
   */
  clientOf(address: string): Client | undefined {
    const bytes = parseIp(address);
    if (bytes === undefined || !this.isInside(bytes)) return undefined;
    const port = bytes.length === 4 ? this.facts.portOf(ipv4Number(bytes)) : this.facts.portOf6(bytes);
    const { guests, strangers } = this.limits;
    return port === undefined ? { name: address, limits: strangers } : { name: port, limits: guests };
  }

  private isInside(bytes: IpBytes): boolean {
    const { subnet, ipv6 } = this.plan;
    if (bytes.length === 16) return ipv6 !== undefined && prefixContains(ipv6.subnet, bytes);
    return (ipv4Number(bytes) & maskOf(subnet)) >>> 0 === subnet.network;
  }

  hear(asked: Asked): void {
    this.counters.queries++;
    const now = this.facts.now();
    const client = this.clientOf(asked.address);
    if (client === undefined) this.countRefused('outside');
    else if (!client.limits.mayAsk(client.name, now)) this.countRefused('rate');
    else this.answer(asked, client, now);
  }

  /** Who is asked for names of others. */
  servers(): readonly string[] {
    const { forward } = this.plan;
    if (forward === 'nobody') return [];
    return forward === 'host' ? this.facts.resolvers() : forward;
  }

  status(): DnsStatus {
    const { queries, failed, ...answered } = this.counters;
    return {
      domain: this.plan.domain,
      names: this.facts.names().size,
      upstreams: [...this.servers()],
      queries,
      answered,
      refused: { ...this.refused },
      failed,
      malformed: { ...this.malformed },
    };
  }

  close(): void {
    this.upstream.close();
  }

  private answer(asked: Asked, client: Client, now: number): void {
    const query = parseQuery(asked.bytes);
    if ('malformed' in query) {
      this.malformed[query.malformed] = (this.malformed[query.malformed] ?? 0) + 1;
      if (query.rcode !== undefined) asked.reply(errorHeader(asked.bytes, query.rcode));
      return;
    }
    const decision = decide(query, this.zone, this.plan.forward !== 'nobody');
    if (decision.what === 'forward') {
      this.forward({ query, asked, client }, now);
      return;
    }
    if (decision.what === 'refuse') this.countRefused(decision.why);
    else this.counters.zone++;
    tell(asked, query, decision.bytes);
  }

  private forward(one: Waiting, now: number): void {
    const { query, asked, client } = one;
    const key = questionKey(query);
    const kept = this.cache.get(key, now);
    if (kept !== undefined) {
      this.counters.cache++;
      tell(asked, query, tailor(kept.answer, query, kept.age));
      return;
    }
    if (!client.limits.enter(client.name)) {
      this.countRefused('busy');
      tell(asked, query, buildAnswer(query, { rcode: RCODE.servFail }));
      return;
    }
    const others = this.waiting.get(key);
    if (others === undefined) void this.ask(key, one);
    else others.push(one);
  }

  /** For all who wait for it by then. */
  private async ask(key: string, one: Waiting): Promise<void> {
    const { cache, waiting } = this;
    const all = [one];
    waiting.set(key, all);
    const answer = await this.upstream.ask(one.query, this.servers());
    waiting.delete(key);
    if (answer !== undefined) cache.put(key, answer, this.facts.now());
    for (const each of all) this.pass(each, answer);
  }

  private pass({ query, asked, client }: Waiting, answer: UpstreamAnswer | undefined): void {
    client.limits.leave(client.name);
    if (answer === undefined) this.counters.failed++;
    else this.counters.upstream++;
    tell(asked, query, answer ? tailor(answer, query, 0) : buildAnswer(query, { rcode: RCODE.servFail }));
  }

  private zoneOf({ domain, subnet, ipv6 }: DnsPlan): Zone {
    return new Zone(domain, subnet, this.facts.names, ipv6?.subnet);
  }

  private countRefused(why: Refused): void {
    this.refused[why] = (this.refused[why] ?? 0) + 1;
  }
}

function tell({ isUdp, reply }: Asked, query: DnsQuery, answer: Buffer): void {
  reply(cutTo(answer, query, isUdp ? query.size : MAX_LEN));
}
