// What guards say of frames, rule by rule, asked directly: the guest is `a`, with 10.0.0.7 and fd00::7 behind port 1.

import { expect, test } from 'vitest';
import { Seen } from '../../src/engine/guard_frame.ts';
import { packetRefusal } from '../../src/engine/guards.ts';
import { Bindings } from '../../src/table/bindings.ts';
import { DROPS } from '../../src/table/drops.ts';
import { Neighbours } from '../../src/table/neighbours.ts';
import { GUARD } from '../../src/table/port_guards.ts';
import { parseIp } from '../../src/wire/ip_address.ts';
import { arp, dhcp, linkLocal, nd, udp } from '../support/engine/attacker.ts';
import { icmpMessage, packet } from '../support/engine/packets.ts';

const A = { hi: 0x0200, lo: 0x61 };
const own = linkLocal('a');
const { mac, address, anyMac, servers, routers, fragments } = GUARD;
const STRICT = mac | address | servers | routers | fragments;
const ip = (text: string) => parseIp(text) as Uint8Array;

function bound(...addresses: string[]): Bindings {
  const bindings = new Bindings(new Neighbours(Neighbours.allocate(7)).bound);
  bindings.addMac(1, 0, A);
  for (const one of addresses) bindings.add(1, 0, ip(one), A);
  return bindings;
}

const BOUND = bound('10.0.0.7', 'fd00::7');
const NOBODY = new Bindings(new Neighbours(Neighbours.allocate(7)).bound);

/** `passes`, or the reason. @param length what of the frame there is: behind it lies what another frame has left */
function says(frame: Uint8Array, flags: number = STRICT, bindings = BOUND, length = frame.length): string {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const seen = new Seen();
  Object.assign(seen, {
    flags,
    port: 1,
    hi: view.getUint16(6),
    lo: view.getInt32(8),
    ip: 14,
    end: length,
    bindings,
  });
  const refusal = packetRefusal(view, seen, 0);
  return refusal === 0 ? 'passes' : DROPS[refusal].name;
}

const from = (src: string, more = {}) => packet({ from: 'a', to: 'g', src, dst: '10.0.0.1', ...more });
const from6 = (src: string, more = {}) => packet({ from: 'a', to: 'g', src, dst: 'fd00::1', ...more });
const icmp6 = (src: string, type: number, body: number[] = [0, 0, 0, 0]) =>
  packet({
    from: 'a',
    to: '*',
    src,
    dst: 'ff02::16',
    protocol: 58,
    payload: icmpMessage(src, 'ff02::16', type, body),
  });

test('ARP that is cut off tells nothing, whatever lies behind it', () => {
  const frame = arp({ from: 'a', ip: '10.0.0.7', target: '10.0.0.1' });
  expect(says(frame)).toBe('passes');
  expect(says(frame, STRICT, BOUND, 41)).toBe('arp_spoofed');
});

test('a virtual router’s MAC is told from that of its interface if both are of the port', () => {
  const vrrp = arp({ from: 'a', sender: '00:00:5e:00:01:07', ip: '10.0.0.9', target: '10.0.0.9' });
  const virtual = { hi: 0x0000, lo: 0x5e00_0107 };
  const both = bound();
  both.addMac(1, 0, virtual);
  both.add(1, 0, ip('10.0.0.9'), virtual);
  expect(says(vrrp, STRICT, both)).toBe('passes');
  const virtualAlone = new Bindings(new Neighbours(Neighbours.allocate(7)).bound);
  virtualAlone.addMac(1, 0, virtual);
  virtualAlone.add(1, 0, ip('10.0.0.9'), virtual);
  expect(says(vrrp, STRICT, virtualAlone)).toBe('arp_spoofed');
  expect(says(vrrp, STRICT, bound('10.0.0.9'))).toBe('arp_spoofed');
});

test('a probe claims what it asks for, also with ones where the target’s MAC is to be (dhcpcd 480, kube-ovn 2659)', () => {
  const probe = (target: string) => arp({ from: 'a', ip: '0.0.0.0', target }).fill(0xff, 32, 38);
  expect(says(probe('10.0.0.7'))).toBe('passes');
  expect(says(probe('10.0.0.8'))).toBe('arp_spoofed');
});

test('with MAC addresses alone ARP still tells that of its sender (OpenNebula 869)', () => {
  const claims = (more: object) => says(arp({ from: 'a', ip: '10.9.9.9', target: '10.0.0.1', ...more }), mac);
  expect(claims({})).toBe('passes');
  expect(claims({ sender: 'b' })).toBe('arp_spoofed');
  expect(claims({ from: 'b' })).toBe('spoofed_mac');
});

test('who has no IPv4 address says DHCP and IGMP, and nothing else', () => {
  expect(says(dhcp('a'))).toBe('passes');
  expect(says(dhcp('a', { chaddr: 'b' }))).toBe('spoofed_mac');
  expect(says(from('0.0.0.0', { protocol: 2, payload: [0x16, 0, 0, 0, 239, 1, 1, 1] }))).toBe('passes');
  expect(says(from('0.0.0.0', { payload: udp(1000, 53) }))).toBe('spoofed_ip');
  expect(says(dhcp('a'), STRICT, NOBODY)).toBe('spoofed_mac');
  expect(says(dhcp('a'), STRICT | anyMac, NOBODY)).toBe('passes');
  expect(says(from('0.0.0.0', { protocol: 2 }), STRICT | anyMac, NOBODY)).toBe('spoofed_mac');
});

test('a guest with an IPv6 address alone has none of IPv4 (lxd 9215), and the other way round', () => {
  expect(says(from('10.0.0.7'), STRICT, bound('fd00::7'))).toBe('spoofed_ip');
  expect(says(arp({ from: 'a', ip: '10.0.0.7', target: '10.0.0.1' }), STRICT, bound('fd00::7'))).toBe(
    'arp_spoofed',
  );
  expect(says(from6('fd00::7'), STRICT, bound('10.0.0.7'))).toBe('spoofed_ip');
});

test('its link-local address needs no binding, for what hosts say before all else (cilium 47645)', () => {
  for (const type of [131, 132, 143, 133]) {
    expect(says(icmp6(own, type)), `${type}`).toBe('passes');
    expect(says(icmp6(own, type), STRICT | anyMac, NOBODY), `${type}`).toBe('passes');
    expect(says(icmp6(own, type), STRICT, NOBODY), `${type}`).toBe('spoofed_mac');
  }
  expect(says(from6('fe80::99'))).toBe('spoofed_ip');
});

test('who has no IPv6 address says MLD, and looks for routers and duplicates', () => {
  for (const type of [131, 132, 143, 133]) expect(says(icmp6('::', type)), `${type}`).toBe('passes');
  expect(says(icmp6('::', 128))).toBe('spoofed_ip');
  expect(says(icmp6('::', 143), STRICT, NOBODY)).toBe('spoofed_mac');
  expect(says(icmp6('::', 143), STRICT | anyMac, NOBODY)).toBe('passes');
});

test('a group has no address, whatever is bound', () => {
  const bindings = bound();
  bindings.add(1, 0, ip('ff02::1'), A);
  expect(says(from6('ff02::1'), STRICT, bindings)).toBe('spoofed_ip');
});

test('advertisements and searches that are cut off tell nothing; options end where hosts end them', () => {
  const tells = nd({ from: 'a', src: own, type: 136, target: 'fd00::7' });
  expect(says(tells)).toBe('passes');
  expect(says(tells, STRICT, BOUND, tells.length - 1)).toBe('nd_spoofed');
  const padded = Uint8Array.from([...tells, ...new Array(8).fill(0)]);
  expect(says(padded)).toBe('passes');
  // RFC 6980: not behind a fragment header, even of one that is whole.
  for (const more of [0, 1]) {
    const extensions = { next: 44, bytes: [58, 0, 0, more, 0, 0, 0, 1] };
    const frame = nd({ from: 'a', src: own, type: 136, target: 'fd00::7', extensions });
    expect(says(frame)).toBe('nd_spoofed');
  }
});

test('servers and routers, by each message', () => {
  for (const type of [134, 137]) {
    const said = nd({ from: 'a', src: own, type, target: type === 137 ? 'fd00::1' : undefined });
    expect(says(said), `${type}`).toBe('rogue_router');
    expect(says(said, STRICT & ~routers), `${type}`).toBe('passes');
  }
  const answer6 = packet({ from: 'a', to: 'g', src: own, dst: own, payload: udp(547, 546) });
  const answer = from('10.0.0.7', { payload: udp(67, 68) });
  for (const said of [answer, answer6]) {
    expect(says(said)).toBe('rogue_server');
    expect(says(said, STRICT & ~servers)).toBe('passes');
  }
});

test('a router that is let advertise itself does so with its own MAC, whatever else it tells', () => {
  const prefix = [3, 4, 64, 0xc0, ...new Array(28).fill(1)];
  const tells = (...options: number[]) => {
    const body = [0, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0].slice(4);
    const payload = icmpMessage(own, 'ff02::1', 134, [...body, ...options]);
    return says(
      packet({ from: 'a', to: '*', src: own, dst: 'ff02::1', ttl: 255, protocol: 58, payload }),
      STRICT & ~routers,
    );
  };
  const lla = (last: number) => [1, 1, 2, 0, 0, 0, 0, last];
  expect(tells()).toBe('passes');
  expect(tells(...lla(0x61))).toBe('passes');
  expect(tells(...prefix, ...lla(0x61))).toBe('passes');
  expect(tells(...lla(0x62))).toBe('nd_spoofed');
  expect(tells(...prefix, ...lla(0x62))).toBe('nd_spoofed');
});

test('packets that are cut off hide what they are', () => {
  const frame = from('10.0.0.7');
  expect(says(frame.with(14, 0x4f), STRICT, BOUND, 14 + 40)).toBe('hidden_packet'); // 60 bytes of header, it says
  expect(says(frame.with(14, 0x65))).toBe('hidden_packet');
  expect(says(from6('fd00::7').with(14, 0x45))).toBe('hidden_packet');
  expect(says(frame, fragments, BOUND, 30)).toBe('passes');
});

test('fragments that hide ports and flags, or end beyond the largest packet', () => {
  const part = (fragment: number, length: number, protocol = 6) =>
    from('10.0.0.7', { protocol, fragment, payload: new Array(length).fill(0) });
  expect(says(part(0x2000, 15))).toBe('tiny_fragment');
  expect(says(part(0x2000, 16))).toBe('passes');
  expect(says(part(1, 64))).toBe('tiny_fragment');
  expect(says(part(2, 64))).toBe('passes');
  expect(says(part(8190, 64))).toBe('tiny_fragment');
  const six = (bytes: number[]) =>
    from6('fd00::7', { protocol: 44, payload: [6, 0, 0, 1, 0, 0, 0, 1, ...bytes] });
  expect(says(six(new Array(8).fill(0)))).toBe('tiny_fragment');
  expect(says(six(new Array(8).fill(0)), STRICT & ~fragments)).toBe('hidden_packet');
  expect(says(six(new Array(20).fill(0)))).toBe('passes');
});

test('what is behind LLC and SNAP is seen by nobody', () => {
  const behind = (type: number, oui = 0) => {
    const frame = new Uint8Array(60).fill(0);
    frame.set([
      2,
      0,
      0,
      0,
      0,
      0x67,
      2,
      0,
      0,
      0,
      0,
      0x61,
      0,
      40,
      0xaa,
      0xaa,
      3,
      oui,
      0,
      0,
      type >> 8,
      type & 255,
    ]);
    return says(frame);
  };
  for (const type of [0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8]) expect(behind(type)).toBe('hidden_packet');
  expect(behind(0x9000)).toBe('passes');
  expect(behind(0x0800, 1)).toBe('passes');
});
