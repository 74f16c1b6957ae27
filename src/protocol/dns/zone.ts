// The names of one network's guests: `web.lab.example`, `web`, and back from addresses. What is in the domain or in the
// subnet is answered here and by nobody else: neither are names of guests asked of strangers, nor do those make any up.

import type { Answer } from 'dns-packet';
import type { Subnet } from '../../config/subnet.ts';
import { formatAddress, maskOf, parseAddress } from '../../config/subnet.ts';
import { RCODE, TYPE } from '../../wire/dns.ts';
import { formatIp } from '../../wire/ip_address.ts';
import type { IpPrefix } from '../../wire/ip_prefix.ts';
import type { OwnAnswer } from './answer.ts';
import type { Names } from './names.ts';
import { type DnsQuery, lowerCase } from './query.ts';

/** s: guests come and go. */
const TTL = 30;
/** s: a guest that was asked for too early is found soon. */
const NEGATIVE_TTL = 5;
/** Letters and dots: RFC 1035 section 2.3.4. */
const MAX_NAME = 253;
const REVERSE = '.in-addr.arpa';
const REVERSE_6 = '.ip6.arpa';

export class Zone {
  private readonly domain: string;
  private readonly subnet: Subnet;
  private readonly names: () => Names;
  private readonly subnet6: IpPrefix | undefined;

  /** `subnet6`: of 64 bits. */
  constructor(domain: string, subnet: Subnet, names: () => Names, subnet6?: IpPrefix) {
    this.domain = lowerCase(domain);
    this.subnet = subnet;
    this.names = names;
    this.subnet6 = subnet6;
  }

  /** Undefined: the name is somebody else's. */
  answer(query: DnsQuery): OwnAnswer | undefined {
    const { name } = query;
    if (name === this.domain) return this.none(this.domain, RCODE.noError);
    if (name.endsWith(`.${this.domain}`))
      return (
        this.guest(query, name.slice(0, -this.domain.length - 1)) ?? this.none(this.domain, RCODE.nxDomain)
      );
    if (!name.includes('.')) return this.bare(query);
    if (name.endsWith(REVERSE_6)) return this.reverse6(query);
    return name.endsWith(REVERSE) ? this.reverse(query) : undefined;
  }

  /** A name without a domain means a guest; outside such a name has no address, but may be a domain: `com`. */
  private bare(query: DnsQuery): OwnAnswer | undefined {
    const guest = this.guest(query, query.name);
    if (guest !== undefined) return guest;
    return query.type === TYPE.a || query.type === TYPE.aaaa ? { rcode: RCODE.nxDomain } : undefined;
  }

  private guest(query: DnsQuery, label: string): OwnAnswer | undefined {
    const names = this.names();
    const [address, address6] = [names.addressOf(label), names.address6Of?.(label)];
    if (address === undefined && address6 === undefined) return undefined;
    const about = { name: query.asked.name, ttl: TTL, class: 'IN' } as const;
    const asksFor = (type: number) => query.type === type || query.type === TYPE.any;
    const answers: Answer[] = [];
    if (address !== undefined && asksFor(TYPE.a))
      answers.push({ ...about, type: 'A', data: formatAddress(address) });
    if (address6 !== undefined && asksFor(TYPE.aaaa))
      answers.push({ ...about, type: 'AAAA', data: formatIp(address6) });
    return answers.length > 0 ? found(...answers) : this.none(this.domain, RCODE.noError);
  }

  private reverse(query: DnsQuery): OwnAnswer | undefined {
    const labels = query.name.slice(0, -REVERSE.length).split('.').reverse();
    const zone = this.reverseZone(labels);
    if (zone === undefined) return undefined;
    if (labels.length < 4) return this.none(zone, RCODE.noError);
    const name = labels.length === 4 ? this.names().nameOf(parseAddress(labels.join('.')) ?? -1) : undefined;
    return this.pointer(query, zone, name);
  }

  private pointer(query: DnsQuery, zone: string, name: string | undefined): OwnAnswer {
    const data = `${name}.${this.domain}`;
    if (name === undefined || data.length > MAX_NAME) return this.none(zone, RCODE.nxDomain);
    if (query.type !== TYPE.ptr && query.type !== TYPE.any) return this.none(zone, RCODE.noError);
    return found({ type: 'PTR', name: query.asked.name, ttl: TTL, class: 'IN', data });
  }

  /** RFC 3596 section 2.5: a label for each four bits, the last ones first. */
  private reverse6(query: DnsQuery): OwnAnswer | undefined {
    const { subnet6 } = this;
    const labels = query.name.slice(0, -REVERSE_6.length).split('.');
    const digits = labels.toReversed().join('');
    const own =
      subnet6 &&
      Buffer.from(subnet6.address)
        .toString('hex')
        .slice(0, subnet6.bits / 4);
    if (own === undefined || !digits.startsWith(own)) return undefined;
    const zone = [...own].reverse().join('.') + REVERSE_6;
    if (labels.length > 32 || labels.some((label) => !/^[0-9a-f]$/.test(label)))
      return this.none(zone, RCODE.nxDomain);
    if (digits.length < 32) return this.none(zone, RCODE.noError);
    const bytes = Uint8Array.from(Buffer.from(digits, 'hex'));
    return this.pointer(query, zone, this.names().nameOf6?.(bytes));
  }

  /** The largest zone of whole bytes in the subnet that has the name; undefined: it is not in the subnet. */
  private reverseZone(labels: readonly string[]): string | undefined {
    const bytes = Math.ceil(this.subnet.prefix / 8);
    if (labels.length < bytes) return undefined;
    const own = labels.slice(0, bytes);
    const address = parseAddress([...own, '0', '0', '0'].slice(0, 4).join('.'));
    if (address === undefined || (address & maskOf(this.subnet)) >>> 0 !== this.subnet.network)
      return undefined;
    return own.reverse().join('.') + REVERSE;
  }

  /** There is none of what was asked for, and how long that holds: RFC 2308 section 3. */
  private none(zone: string, rcode: number): OwnAnswer {
    const soa: Answer = {
      type: 'SOA',
      name: zone,
      ttl: NEGATIVE_TTL,
      class: 'IN',
      data: {
        mname: this.domain,
        rname: 'nobody.invalid', // RFC 6303 section 3
        serial: 1,
        refresh: 3600,
        retry: 600,
        expire: 86_400,
        minimum: NEGATIVE_TTL,
      },
    };
    return { rcode, isAuthoritative: true, authorities: [soa] };
  }
}

function found(...answers: Answer[]): OwnAnswer {
  return { rcode: RCODE.noError, isAuthoritative: true, answers };
}
