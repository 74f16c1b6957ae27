// Filter expressions at random, of the subset that Taploom compiles itself.

import fc from 'fast-check';
import { IPV4, IPV6, MACS, PORTS } from './random_frames.ts';

const side = fc.constantFrom('', 'src ', 'dst ', 'src or dst ', 'src and dst ');
const port = fc.constantFrom(...PORTS);
const primitive = fc.oneof(
  fc.constantFrom(
    'tcp',
    'udp',
    'sctp',
    'icmp',
    'icmp6',
    'arp',
    'rarp',
    'ip',
    'ip6',
    'broadcast',
    'multicast',
  ),
  fc.constantFrom(
    'ether multicast',
    'ether broadcast',
    'ether proto 0x88cc',
    'ether proto 0x8863',
    'less 130',
    'greater 140',
  ),
  fc.tuple(side, fc.constantFrom(...IPV4, ...IPV6)).map(([from, address]) => `${from}host ${address}`),
  fc
    .tuple(fc.constantFrom('ip', 'arp', 'rarp'), side, fc.constantFrom(...IPV4))
    .map(([family, from, address]) => `${family} ${from}host ${address}`),
  fc.tuple(side, fc.constantFrom(...IPV6)).map(([from, address]) => `ip6 ${from}host ${address}`),
  fc
    .tuple(
      side,
      fc.constantFrom(
        '10.0.0.0/8',
        '10.0.0.0/30',
        '192.0.2.0/24',
        '0.0.0.0/0',
        'fd00::/64',
        '2001:db8::/32',
        'fd00::2/127',
      ),
    )
    .map(([from, net]) => `${from}net ${net}`),
  fc
    .tuple(fc.constantFrom('', 'tcp ', 'udp ', 'sctp '), side, port)
    .map(([protocol, from, n]) => `${protocol}${from}port ${n}`),
  fc
    .tuple(fc.constantFrom('', 'tcp ', 'udp '), side, port, port)
    .map(([protocol, from, a, b]) => `${protocol}${from}portrange ${Math.min(a, b)}-${Math.max(a, b)}`),
  fc
    .tuple(fc.constantFrom('src ', 'dst ', ''), fc.constantFrom(...MACS))
    .map(([from, mac]) => `ether ${from}host ${mac}`),
  fc.constantFrom('vlan', 'vlan 10', 'vlan 7', 'vlan 4094'),
);

export const filters: fc.Arbitrary<string> = fc.letrec<{ filter: string }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    primitive,
    fc
      .tuple(tie('filter'), fc.constantFrom('and', 'or', '&&', '||'), tie('filter'))
      .map((words) => words.join(' ')),
    tie('filter').map((inner) => `not (${inner})`),
    tie('filter').map((inner) => `(${inner})`),
  ),
})).filter;
