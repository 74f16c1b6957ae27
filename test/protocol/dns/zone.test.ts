// Names of guests: what is answered, and what is nobody's business but ours.

import { describe, expect, test } from 'vitest';
import { buildAnswer, cutTo } from '../../../src/protocol/dns/answer.ts';
import { decide } from '../../../src/protocol/dns/decision.ts';
import { Zone } from '../../../src/protocol/dns/zone.ts';
import { FLAG } from '../../../src/wire/dns.ts';
import { parseIp } from '../../../src/wire/ip_address.ts';
import { parsePrefix } from '../../../src/wire/ip_prefix.ts';
import { type Asking, a, namesOf, query, read, subnet } from './messages.ts';

const NAMES = namesOf([
  ['web', '10.1.2.5'],
  ['db', '10.1.2.6'],
]);
const zone = (text = '10.1.2.0/24') => new Zone('Lab.Example', subnet(text), () => NAMES);

/** As a client reads it; or where the question goes. */
function ask(name: string, asking: Asking = {}, { forwards = true, of = zone() } = {}) {
  const decision = decide(query(name, asking), of, forwards);
  if (decision.what === 'forward') return 'forward';
  const { code, answers = [], authorities = [], flag_aa } = read(decision.bytes);
  const data = answers.map((one) => ('data' in one ? String(one.data) : ''));
  if (decision.what === 'refuse') return `${decision.why} ${code}`;
  return [code, flag_aa, ...data, ...authorities.map(({ type, name }) => `${type} ${name}`)].join(' ');
}

describe('guests', () => {
  test.each([
    ['web.lab.example', {}, '0 true 10.1.2.5'],
    ['WEB.LAB.example', {}, '0 true 10.1.2.5'],
    ['web', {}, '0 true 10.1.2.5'],
    ['web', { type: 'ANY' }, '0 true 10.1.2.5'],
    ['web', { type: 'AAAA' }, '0 true SOA lab.example'],
    ['lab.example', {}, '0 true SOA lab.example'],
    ['mail.lab.example', {}, '3 true SOA lab.example'],
    ['x.web.lab.example', {}, '3 true SOA lab.example'],
    ['nobody', {}, '3 false'],
    ['6.2.1.10.in-addr.arpa', { type: 'PTR' }, '0 true db.lab.example'],
    ['7.2.1.10.in-addr.arpa', { type: 'PTR' }, '3 true SOA 2.1.10.in-addr.arpa'],
    ['9.2.1.10.in-addr.arpa', { type: 'PTR' }, '3 true SOA 2.1.10.in-addr.arpa'],
    ['6.2.1.10.in-addr.arpa', { type: 'TXT' }, '0 true SOA 2.1.10.in-addr.arpa'],
    ['2.1.10.in-addr.arpa', { type: 'SOA' }, '0 true SOA 2.1.10.in-addr.arpa'],
    ['x.6.2.1.10.in-addr.arpa', { type: 'PTR' }, '3 true SOA 2.1.10.in-addr.arpa'],
  ])('%s %j', (name, asking, answer) => {
    expect(ask(name, asking)).toBe(answer);
  });

  test.each(['www.example', 'notlab.example', 'com', '.', '1.10.in-addr.arpa', '5.3.1.10.in-addr.arpa'])(
    '%s is of others',
    (name) => {
      expect(ask(name, { type: 'NS' })).toBe('forward');
      expect(ask(name, { type: 'NS' }, { forwards: false })).toBe('off 5');
    },
  );
});

test.each([
  ['10.1.0.0/20', '6.2.1.10.in-addr.arpa', '0 true db.lab.example'],
  ['10.1.0.0/20', '9.15.1.10.in-addr.arpa', '3 true SOA 15.1.10.in-addr.arpa'],
  ['10.1.0.0/20', '9.16.1.10.in-addr.arpa', 'forward'],
  ['10.1.0.0/20', '1.10.in-addr.arpa', 'forward'],
  ['10.1.2.0/26', '9.2.1.10.in-addr.arpa', '3 true SOA 9.2.1.10.in-addr.arpa'],
  ['10.1.2.0/26', '64.2.1.10.in-addr.arpa', 'forward'],
  ['10.1.2.0/26', '2.1.10.in-addr.arpa', 'forward'],
  ['10.1.2.0/26', '06.2.1.10.in-addr.arpa', 'forward'],
  ['10.1.2.0/26', 'x.in-addr.arpa', 'forward'],
])('of %s, %s', (text, name, answer) => {
  expect(ask(name, { type: 'PTR' }, { of: zone(text) })).toBe(answer);
});

test('what is not for us is refused', () => {
  expect(ask('version.bind', { type: 'TXT', class: 'CH' })).toBe('class 5');
  expect(ask('lab.example', { type: 'AXFR' })).toBe('transfer 5');
  expect(ask('www.example', { flags: 0 })).toBe('recursion 5');
  expect(ask('web', { flags: 0 })).toBe('0 true 10.1.2.5');
  const { why, bytes } = decide(query('web', { edns: { version: 1 } }), zone(), true) as {
    why: string;
    bytes: Buffer;
  };
  expect(why).toBe('version');
  expect(read(bytes)).toMatchObject({ code: 0, answers: [], additionals: [{ extendedRcode: 1 }] });
});

test('an answer has EDNS if its question has', () => {
  const extensions = (asking: Asking) =>
    read((decide(query('web', asking), zone(), true) as { bytes: Buffer }).bytes).additionals;
  expect(extensions({})).toEqual([]);
  expect(extensions({ edns: {} })).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232, flag_do: false }]);
  expect(extensions({ edns: { dnssec: true } })).toMatchObject([{ flag_do: true }]);
});

test('an answer that is too long says so, and nothing else', () => {
  const asked = query('web', { edns: {} });
  const answers = Array.from({ length: 20 }, (_, n) => a('web', `10.0.0.${n}`));
  const long = buildAnswer(asked, { rcode: 3, isAuthoritative: true, answers });
  expect(cutTo(long, asked, long.length)).toBe(long);
  const cut = cutTo(long, asked, long.length - 1);
  expect(read(cut)).toMatchObject({ code: 3, flag_tc: true, flag_aa: true, flag_rd: true, answers: [] });
  expect(read(cut).additionals).toHaveLength(1);
  expect(read(long).flags! & FLAG.truncated).toBe(0);
});

test('a name that is too long with its domain is none', () => {
  const domain = [62, 62, 62, 61].map((length) => 'd'.repeat(length)).join('.');
  const of = new Zone(domain, subnet('10.1.2.0/24'), () => NAMES);
  expect(ask('6.2.1.10.in-addr.arpa', { type: 'PTR' }, { of })).toBe('0 true db.'.concat(domain));
  const long = new Zone(`d${domain}`, subnet('10.1.2.0/24'), () => NAMES);
  expect(ask('6.2.1.10.in-addr.arpa', { type: 'PTR' }, { of: long })).toMatch(/^3 true SOA/);
});

describe('IPv6', () => {
  const bytes = (text: string) => parseIp(text) as Uint8Array;
  const names = {
    ...NAMES,
    addressOf: (name: string) => NAMES.addressOf(name),
    nameOf: (address: number) => NAMES.nameOf(address),
    address6Of: (name: string) => (name === 'web' ? bytes('fd00:7::5') : undefined),
    nameOf6: (address: Uint8Array) => (address[15] === 5 ? 'web' : undefined),
  };
  const of = new Zone('lab.example', subnet('10.1.2.0/24'), () => names, parsePrefix('fd00:7::/64'));
  const reverse = (text: string) =>
    `${[...Buffer.from(bytes(text)).toString('hex')].reverse().join('.')}.ip6.arpa`;
  const ours = reverse('fd00:7::').slice(32);

  test.each([
    ['web.lab.example', { type: 'AAAA' }, '0 true fd00:7::5'],
    ['web', { type: 'ANY' }, '0 true 10.1.2.5 fd00:7::5'],
    ['db', { type: 'AAAA' }, '0 true SOA lab.example'],
    [reverse('fd00:7::5'), { type: 'PTR' }, '0 true web.lab.example'],
    [reverse('fd00:7::6'), { type: 'PTR' }, `3 true SOA ${ours}`],
    [`0.${ours}`, { type: 'PTR' }, `0 true SOA ${ours}`],
    [`fd.${ours}`, { type: 'PTR' }, `3 true SOA ${ours}`],
    [`0.${reverse('fd00:7::5')}`, { type: 'PTR' }, `3 true SOA ${ours}`],
    [reverse('fd00:8::5'), { type: 'PTR' }, 'forward'],
  ] as [string, Asking, string][])('%s %j', (name, asking, answer) => {
    expect(ask(name, asking, { of })).toBe(answer);
  });

  test('without a prefix reverse names of IPv6 are of others', () => {
    expect(ask(reverse('fd00:7::5'), { type: 'PTR' })).toBe('forward');
  });
});
