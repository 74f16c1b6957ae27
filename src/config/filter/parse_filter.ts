// The part of tcpdump's filter language that Taploom compiles itself: see docs/capture.md. The grammar is pcap-filter(7)'s,
// with its two surprises: `and` and `or` bind equally tight, from left to right, and each `vlan` moves everything
// *written* after it four bytes on, whatever stands between them.

import { TaploomError } from '../../error.ts';
import { parseIp } from '../../wire/ip_address.ts';
import { parseMac } from '../../wire/mac.ts';
import {
  both,
  type Condition,
  either,
  etherAddress,
  etherGroup,
  etherType,
  type Family,
  host,
  lengthIs,
  not,
  ports,
  protocol,
  type Side,
  vlan,
} from './conditions.ts';

const ETHERTYPES: Record<string, number> = { ip: 0x0800, arp: 0x0806, rarp: 0x8035, ip6: 0x86dd };
const TRANSPORTS: Record<string, number> = { tcp: 6, udp: 17, sctp: 132 };
const TYPES = new Set(['host', 'net', 'port', 'portrange']);

/** @throws TaploomError `invalid_filter`: why, as a part of a sentence */
export function parseFilter(text: string): Condition {
  return new FilterParser(text).parse();
}

class FilterParser {
  private readonly words: string[];
  private at = 0;
  /** Bytes of the tags that the filter has spoken of. */
  private shift = 0;

  constructor(text: string) {
    // An address may have colons, slashes and dots; only brackets and signs stand for themselves.
    this.words = text.match(/&&|\|\||[()!]|[^\s()!&|]+|[&|]/g) ?? [];
  }

  parse(): Condition {
    const condition = this.expression();
    if (this.at < this.words.length) throw this.unexpected();
    return condition;
  }

  private expression(): Condition {
    let left = this.term();
    for (;;) {
      const word = this.peek();
      if (word === 'and' || word === '&&') {
        this.at++;
        left = both(left, this.term());
      } else if (word === 'or' || word === '||') {
        this.at++;
        left = either(left, this.term());
      } else return left;
    }
  }

  private term(): Condition {
    if (this.take('not') || this.take('!')) return not(this.term());
    if (!this.take('(')) return this.primitive();
    const inner = this.expression();
    if (!this.take(')')) throw this.unexpected();
    return inner;
  }

  private primitive(): Condition {
    const { shift } = this;
    if (this.take('vlan')) return this.vlan();
    if (this.take('ether')) return this.ether();
    if (this.take('broadcast')) return etherAddress('dst', 0xffff, 0xffff_ffff);
    if (this.take('multicast')) return etherGroup();
    if (this.take('less')) return lengthIs('at most', this.number(0xffff_ffff));
    if (this.take('greater')) return lengthIs('at least', this.number(0xffff_ffff));
    if (this.take('icmp')) return protocol('ip', 1, shift);
    if (this.take('icmp6')) return protocol('ip6', 58, shift);
    const word = this.peek() ?? '';
    if (Object.hasOwn(TRANSPORTS, word)) {
      this.at++;
      const number = TRANSPORTS[word];
      return this.isQualifier()
        ? this.transport([number])
        : either(protocol('ip6', number, shift), protocol('ip', number, shift));
    }
    if (Object.hasOwn(ETHERTYPES, word)) {
      this.at++;
      return this.isQualifier() ? this.address(word as Family) : etherType(ETHERTYPES[word], shift);
    }
    if (this.isQualifier()) return this.isPort() ? this.transport([132, 6, 17]) : this.address(undefined);
    throw this.unexpected();
  }

  /** `src` and so on, or a type, comes next. */
  private isQualifier(): boolean {
    const word = this.peek() ?? '';
    return word === 'src' || word === 'dst' || TYPES.has(word);
  }

  private isPort(): boolean {
    const ahead = this.words.slice(this.at, this.at + 4);
    const type = ahead.find((word) => TYPES.has(word));
    return type === 'port' || type === 'portrange';
  }

  private side(): Side {
    const first = this.peek();
    if (first !== 'src' && first !== 'dst') return 'any';
    this.at++;
    const joint = this.peek();
    const second = this.words[this.at + 1];
    if ((joint !== 'or' && joint !== 'and') || second !== (first === 'src' ? 'dst' : 'src')) return first;
    this.at += 2;
    return joint === 'or' ? 'any' : 'both';
  }

  private transport(protocols: number[]): Condition {
    const side = this.side();
    if (this.take('port')) {
      const port = this.number(0xffff);
      return ports(protocols, side, port, port, this.shift);
    }
    if (!this.take('portrange')) throw this.unexpected();
    const [low, high, ...rest] = (this.next() ?? '').split('-');
    if (high === undefined || rest.length > 0) throw this.wrong('a range of ports, such as 8000-8080');
    const [a, b] = [this.numberOf(low, 0xffff), this.numberOf(high, 0xffff)];
    return ports(protocols, side, Math.min(a, b), Math.max(a, b), this.shift);
  }

  private address(family: Family | undefined): Condition {
    const side = this.side();
    const isNet = this.take('net');
    if (!isNet) this.take('host');
    const word = this.next();
    if (word === undefined) throw this.unexpected();
    const [text, prefix, ...rest] = word.split('/');
    const ip = parseIp(text);
    if (ip === undefined || rest.length > 0 || (prefix !== undefined && !isNet)) {
      throw this.wrong(isNet ? 'a network, such as 192.0.2.0/24' : 'an IP address (names are not looked up)');
    }
    const isV4 = ip.length === 4;
    const bits = 8 * ip.length;
    const length = prefix === undefined ? bits : this.numberOf(prefix, bits);
    if (isV4 ? family === 'ip6' : family !== undefined && family !== 'ip6') {
      throw this.wrong(`an address of ${family}`);
    }
    const words = wordsOf(ip);
    const masked = words.map((word, n) => (word & mask(length - 32 * n)) >>> 0);
    if (masked.some((word, n) => word !== words[n])) {
      throw this.wrong(`a network: bits beyond /${length} are not 0`);
    }
    return host(
      family,
      side,
      masked,
      words.map((_, n) => mask(length - 32 * n) >>> 0),
      this.shift,
    );
  }

  private ether(): Condition {
    if (this.take('proto')) {
      const word = this.next() ?? '';
      const type = Object.hasOwn(ETHERTYPES, word) ? ETHERTYPES[word] : this.numberOf(word, 0xffff);
      if (type < 0x600) throw this.wrong('an EtherType of at least 0x600');
      return etherType(type, this.shift);
    }
    if (this.take('broadcast')) return etherAddress('dst', 0xffff, 0xffff_ffff);
    if (this.take('multicast')) return etherGroup();
    const side = this.side();
    this.take('host');
    const mac = parseMac(this.next() ?? '');
    if (mac === undefined) throw this.wrong('a MAC address');
    return etherAddress(side, mac.hi, mac.lo >>> 0);
  }

  private vlan(): Condition {
    const { shift } = this;
    this.shift += 4;
    const vid = /^\d/.test(this.peek() ?? '') ? this.number(4095) : undefined;
    return vlan(vid, shift);
  }

  private number(max: number): number {
    return this.numberOf(this.next() ?? '', max);
  }

  private numberOf(word: string, max: number): number {
    const value = /^(0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : Number.NaN;
    if (!(value <= max)) throw this.wrong(`a number up to ${max}`);
    return value;
  }

  private peek(): string | undefined {
    return this.words[this.at];
  }

  private next(): string | undefined {
    return this.words[this.at++];
  }

  private take(word: string): boolean {
    if (this.words[this.at] !== word) return false;
    this.at++;
    return true;
  }

  private unexpected(): TaploomError {
    const word = this.peek();
    return refuse(word === undefined ? 'it ends too early' : `"${word}" is not understood`);
  }

  /** The word before is not what it should be. */
  private wrong(expected: string): TaploomError {
    return refuse(`"${this.words[this.at - 1] ?? ''}" is not ${expected}`);
  }
}

function refuse(why: string): TaploomError {
  return new TaploomError('invalid_filter', why);
}

/** The first `length` bits of a word, as int32; less than none are none. */
function mask(length: number): number {
  return length <= 0 ? 0 : length >= 32 ? -1 : -1 << (32 - length);
}

/** An address in words of 32 bits. */
function wordsOf(ip: Uint8Array): number[] {
  const view = new DataView(ip.buffer, ip.byteOffset, ip.length);
  return Array.from({ length: ip.length / 4 }, (_, n) => view.getUint32(4 * n));
}
