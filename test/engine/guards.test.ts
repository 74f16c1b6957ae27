// What the guard of a port lets in and what it refuses: the attacker is `a` on port `evil`, whose own address is 10.0.0.7.

import { expect, test } from 'vitest';
import { arp, dhcp, linkLocal, nd, tagged, udp } from '../support/engine/attacker.ts';
import { packet } from '../support/engine/packets.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';

const MAC = '02:00:00:00:00:61';
const STRICT = {
  source: 'strict',
  bindings: [{ mac: MAC, ip: ['10.0.0.7', 'fd00::7'] }],
};

async function open(
  guard: Record<string, unknown> = STRICT,
  bridge: Record<string, unknown> = {},
): Promise<Rig> {
  return openRig({ br0: { ...bridge, ports: { evil: { guard }, good: {} } } });
}

/** What came of a frame of the attacker: `passes`, or the reason of its drop. */
function fate(rig: Rig, frame: Uint8Array, port = 'evil'): string {
  const lines = rig.run(() => {
    rig.taploom.memoryPort(port).send(frame);
  });
  expect(lines).toHaveLength(1);
  return lines[0].startsWith('good: ') ? 'passes' : lines[0].replace(`${port} drops: `, '');
}

const from = (src: string, who = 'a', more = {}) =>
  packet({ from: who, to: 'g', src, dst: '10.0.0.1', ...more });
const from6 = (src: string, who = 'a', more = {}) =>
  packet({ from: who, to: 'g', src, dst: 'fd00::1', ...more });

test('a guest sends as what it is, and as nobody else', async () => {
  const rig = await open();
  expect(fate(rig, from('10.0.0.7'))).toBe('passes');
  expect(fate(rig, from('10.0.0.8'))).toBe('spoofed_ip');
  expect(fate(rig, from('10.0.0.7', 'b'))).toBe('spoofed_mac');
  expect(fate(rig, from6('fd00::7'))).toBe('passes');
  expect(fate(rig, from6('fd00::8'))).toBe('spoofed_ip');
  expect(fate(rig, from6('fd00::7', 'b'))).toBe('spoofed_mac');
  expect(fate(rig, from6(linkLocal('a')))).toBe('passes');
  expect(fate(rig, from6('fe80::1'))).toBe('spoofed_ip');
  expect(fate(rig, from6('::'))).toBe('spoofed_ip');
  // Of the other side nothing is asked.
  expect(rig.run(() => void rig.taploom.memoryPort('good').send(from('10.0.0.9', 'x')))).toHaveLength(1);
});

test('what is no IP has the MAC of the guest', async () => {
  const rig = await open();
  const other = (who: string) =>
    Uint8Array.from([...packet({ from: who, to: 'g', src: '1.1.1.1', dst: '1.1.1.1' })].with(12, 0x99));
  expect(fate(rig, other('a'))).toBe('passes');
  expect(fate(rig, other('b'))).toBe('spoofed_mac');
});

test('with source mac the address is not asked for', async () => {
  const rig = await open({ ...STRICT, source: 'mac' });
  expect(fate(rig, from('10.9.9.9'))).toBe('passes');
  expect(fate(rig, from('10.9.9.9', 'b'))).toBe('spoofed_mac');
  expect(fate(rig, arp({ from: 'a', ip: '10.9.9.9', target: '10.0.0.1' }))).toBe('passes');
  expect(fate(rig, arp({ from: 'a', sender: 'b', ip: '10.9.9.9', target: '10.0.0.1' }))).toBe('arp_spoofed');
});

test('ARP tells the guest’s own addresses, probes of its own included', async () => {
  const rig = await open();
  const tells = (ip: string, more = {}) => fate(rig, arp({ from: 'a', ip, target: '10.0.0.1', ...more }));
  expect(tells('10.0.0.7')).toBe('passes');
  expect(tells('10.0.0.7', { reply: true, to: 'g' })).toBe('passes');
  expect(tells('10.0.0.1', { reply: true })).toBe('arp_spoofed');
  expect(tells('10.0.0.1')).toBe('arp_spoofed');
  expect(tells('10.0.0.7', { sender: 'b' })).toBe('arp_spoofed');
  expect(tells('0.0.0.0', { target: '10.0.0.7' })).toBe('passes');
  expect(tells('0.0.0.0', { target: '10.0.0.8' })).toBe('arp_spoofed');
  expect(fate(rig, arp({ from: 'a', ip: '10.0.0.7', target: '10.0.0.1' }).subarray(0, 30))).toBe(
    'arp_spoofed',
  );
});

test('neighbour discovery tells the guest’s own addresses and MAC', async () => {
  const rig = await open();
  const own = linkLocal('a');
  const tells = (spec: Partial<Parameters<typeof nd>[0]>) =>
    fate(rig, nd({ from: 'a', src: own, type: 136, ...spec }));
  expect(tells({ target: 'fd00::7', option: 'a' })).toBe('passes');
  expect(tells({ target: own })).toBe('passes');
  expect(tells({ target: 'fd00::1', option: 'a' })).toBe('nd_spoofed');
  expect(tells({ target: 'fd00::7', option: 'b' })).toBe('nd_spoofed');
  expect(tells({ type: 135, target: 'fd00::1', option: 'a' })).toBe('passes');
  expect(tells({ type: 135, target: 'fd00::1', option: 'b' })).toBe('nd_spoofed');
  // A search for duplicates claims what it asks for.
  expect(tells({ type: 135, src: '::', target: 'fd00::7' })).toBe('passes');
  expect(tells({ type: 135, src: '::', target: 'fd00::1' })).toBe('nd_spoofed');
  expect(tells({ type: 133, option: 'a' })).toBe('passes');
  expect(tells({ type: 133, option: 'b' })).toBe('nd_spoofed');
});

test('routers and their advertisements, also behind other headers and in fragments', async () => {
  const rig = await open({});
  const ra = (more = {}) => fate(rig, nd({ from: 'a', src: linkLocal('a'), type: 134, ...more }));
  const padding = [58, 0, 1, 4, 0, 0, 0, 0];
  const fragment = (more: number) => [58, 0, 0, more, 0, 0, 0, 1];
  expect(ra()).toBe('rogue_router');
  expect(ra({ type: 137, target: 'fd00::1' })).toBe('rogue_router');
  expect(ra({ extensions: { next: 60, bytes: padding } })).toBe('rogue_router');
  expect(ra({ extensions: { next: 44, bytes: fragment(1) } })).toBe('rogue_router');
  const many = [...Array.from({ length: 8 }, () => [60, ...padding.slice(1)]).flat(), ...padding];
  expect(ra({ extensions: { next: 60, bytes: many } })).toBe('hidden_packet');
  // In the first fragment nothing but headers.
  const hidden = packet({
    from: 'a',
    to: '33:33:00:00:00:01',
    src: linkLocal('a'),
    dst: 'ff02::1',
    protocol: 44,
    payload: [60, 0, 0, 1, 0, 0, 0, 1, ...padding.slice(0, 4)],
  });
  expect(fate(rig, hidden)).toBe('hidden_packet');
  expect(ra({ type: 136, target: 'fd00::1' })).toBe('passes');
  const open_ = await open({ ra: true });
  expect(fate(open_, nd({ from: 'a', src: linkLocal('a'), type: 134 }))).toBe('passes');
});

test('DHCP servers of both families', async () => {
  const rig = await open({});
  const answer = packet({
    from: 'a',
    to: '*',
    src: '10.0.0.7',
    dst: '255.255.255.255',
    payload: udp(67, 68),
  });
  const answer6 = packet({
    from: 'a',
    to: 'g',
    src: linkLocal('a'),
    dst: linkLocal('g'),
    payload: udp(547, 546),
  });
  expect(fate(rig, answer)).toBe('rogue_server');
  expect(fate(rig, answer6)).toBe('rogue_server');
  expect(fate(rig, dhcp('a'))).toBe('passes');
  const server = await open({ dhcp_server: true });
  expect(fate(server, answer)).toBe('passes');
  expect(fate(server, answer6)).toBe('passes');
});

test('who asks for an address asks for itself', async () => {
  const rig = await open();
  expect(fate(rig, dhcp('a'))).toBe('passes');
  expect(fate(rig, dhcp('a', { chaddr: 'b' }))).toBe('spoofed_mac');
  expect(fate(rig, dhcp('b'))).toBe('spoofed_mac');
  expect(fate(rig, dhcp('a', { src: '10.0.0.8' }))).toBe('spoofed_ip');
});

test('a second tag is refused, on a port of a VLAN and where tags are not looked at', async () => {
  const frame = from('10.0.0.7');
  const aware = await openRig({
    br0: {
      vlan_filtering: true,
      ports: { evil: { vlan: { access: 10 }, guard: STRICT }, good: { vlan: { trunk: [10, 20] } } },
    },
  });
  expect(fate(aware, frame)).toBe('passes');
  expect(fate(aware, tagged(frame, [0x8100, 10]))).toBe('passes');
  expect(fate(aware, tagged(frame, [0x8100, 20]))).toBe('vlan_not_allowed');
  expect(fate(aware, tagged(frame, [0x8100, 10], [0x8100, 20]))).toBe('double_tag');
  expect(fate(aware, tagged(frame, [0x8100, 0], [0x8100, 20]))).toBe('double_tag');
  expect(fate(aware, tagged(frame, [0x88a8, 20]))).toBe('double_tag');
  const plain = await open();
  expect(fate(plain, tagged(frame, [0x8100, 10]))).toBe('passes');
  expect(fate(plain, tagged(frame, [0x8100, 10], [0x8100, 20]))).toBe('double_tag');
  expect(fate(plain, tagged(from('10.0.0.8'), [0x8100, 10]))).toBe('spoofed_ip');
  const loose = await open({ ...STRICT, double_tag: true });
  expect(fate(loose, tagged(frame, [0x8100, 10], [0x8100, 20]))).toBe('passes');
  expect(fate(loose, tagged(from('10.0.0.8'), [0x8100, 10], [0x8100, 20]))).toBe('spoofed_ip');
  expect(fate(loose, tagged(frame, [0x8100, 1], [0x8100, 2], [0x8100, 3]))).toBe('hidden_packet');
});

test('packets behind LLC, and those that are not whole', async () => {
  const rig = await open();
  const inner = from('10.0.0.8');
  const llc = Uint8Array.from([
    ...inner.subarray(0, 12),
    0,
    inner.length - 6,
    0xaa,
    0xaa,
    3,
    0,
    0,
    0,
    ...inner.subarray(12),
  ]);
  expect(fate(rig, llc)).toBe('hidden_packet');
  expect(fate(rig, inner.subarray(0, 30))).toBe('hidden_packet');
  expect(fate(rig, from6('fd00::7').subarray(0, 40))).toBe('hidden_packet');
});

test('fragments that hide what they are of, or end beyond the largest packet', async () => {
  const rig = await open();
  const part = (offset: number, more: boolean, length: number, protocol = 6) =>
    fate(
      rig,
      from('10.0.0.7', 'a', {
        protocol,
        fragment: (more ? 0x2000 : 0) | offset,
        payload: new Array(length).fill(0),
      }),
    );
  expect(part(0, true, 8)).toBe('tiny_fragment');
  expect(part(1, false, 64)).toBe('tiny_fragment');
  expect(part(0, true, 64)).toBe('passes');
  expect(part(8, false, 8)).toBe('passes');
  expect(part(8190, false, 64)).toBe('tiny_fragment');
  expect(part(0, true, 8, 17)).toBe('passes');
  const tiny6 = packet({
    from: 'a',
    to: 'g',
    src: 'fd00::7',
    dst: 'fd00::1',
    protocol: 44,
    payload: [6, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8],
  });
  expect(fate(rig, tiny6)).toBe('tiny_fragment');
  const loose = await open({ ...STRICT, tiny_fragments: true });
  expect(
    fate(loose, from('10.0.0.7', 'a', { protocol: 6, fragment: 0x2000, payload: new Array(8).fill(0) })),
  ).toBe('passes');
});

test('bindings change while frames flow, and go with the guard', async () => {
  const rig = await open();
  await rig.change(({ bridges }) => {
    bridges.br0.ports.evil.guard?.bindings.splice(0, 1, { mac: MAC, ip: '10.0.0.8' });
  });
  expect(fate(rig, from('10.0.0.8'))).toBe('passes');
  expect(fate(rig, from('10.0.0.7'))).toBe('spoofed_ip');
  await rig.change(({ bridges }) => {
    delete bridges.br0.ports.evil.guard;
  });
  expect(fate(rig, from('10.0.0.7', 'b'))).toBe('passes');
});

test('what is refused is told, a few of a kind', async () => {
  const rig = await open();
  for (let n = 0; n < 12; n++)
    fate(rig, arp({ from: 'a', ip: `10.0.0.${1 + (n % 3)}`, target: '10.0.0.9', reply: true }));
  await new Promise((resolve) => setImmediate(resolve));
  const told = rig.taploom.events.stored({ since: 0, types: ['guard'] });
  expect(told.map(({ message }) => message)).toEqual(
    [1, 2, 3].map(
      (n) =>
        `the guard of port evil refused ${MAC}, which says by ARP that it has 10.0.0.${n}: add it to bindings in the guard of evil if it should (arp_spoofed)`,
    ),
  );
});
