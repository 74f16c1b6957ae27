// What snooping makes of messages: what goes on, what it binds and frees. With reports of others' troubles, by number.

import { describe, expect, test } from 'vitest';
import { DhcpSnooper } from '../../../src/protocol/dhcp_snooping/snooper.ts';
import { OPTION } from '../../../src/wire/dhcp4/codes.ts';
import { buildDhcpFrame, type DhcpFrame, parseDhcpFrame } from '../../../src/wire/dhcp4/frame.ts';
import { buildMessage, type DhcpMessage } from '../../../src/wire/dhcp4/message.ts';
import { OPTION6 } from '../../../src/wire/dhcp6/codes.ts';
import { buildFrame6, CLIENT_PORT6, SERVER_PORT6 } from '../../../src/wire/dhcp6/frame.ts';
import { associationOption, buildMessage6 } from '../../../src/wire/dhcp6/message.ts';
import { buildOptions } from '../../../src/wire/dhcp6/options.ts';
import { formatMac } from '../../../src/wire/mac.ts';
import { clientFrame, clientMessage, guestMac } from '../../wire/dhcp4/messages.ts';
import { clientFrame6, duid, ip } from '../../wire/dhcp6/messages.ts';

const MAC = formatMac(guestMac(1).hi, guestMac(1).lo);
const PLACE = { bridge: 'br0', insertsOption82: false };
const OPTION_82 = { bridge: 'br0', insertsOption82: true };
const LEASE: [number, Uint8Array] = [OPTION.leaseTime, Uint8Array.of(0, 0, 14, 16)];
const punt = (bytes: Uint8Array, port: string, vlan = 0) => ({ bytes, port, vlan, tag: 0, at: 0 });

const ask = (snooper: DhcpSnooper, message: DhcpMessage, port = 'p1', place = PLACE, vlan = 0) =>
  snooper.request(punt(clientFrame(message), port, vlan), place);

function answer(
  snooper: DhcpSnooper,
  fields: Partial<Omit<DhcpMessage, 'options'>> = {},
  options: [number, Uint8Array][] = [LEASE],
  vlan = 0,
) {
  const way = { srcMac: guestMac(99), dstMac: guestMac(1), src: 0x0a07_0001, dst: 0x0a07_0002 };
  const said = clientMessage({ type: 'ack', isReply: true, yiaddr: 0x0a07_0002, ...fields }, options);
  const bytes = buildDhcpFrame({ ...way, srcPort: 67, dstPort: 68 }, buildMessage(said, 1400).bytes);
  return snooper.answer(punt(bytes, 'up', vlan), 'br0');
}

const optionsOf = (frame: Uint8Array | undefined) =>
  [...(parseDhcpFrame(frame as Uint8Array) as DhcpFrame).message.options.keys()].sort((a, b) => a - b);

describe('DHCP', () => {
  test('an acknowledgement binds, for whom it is; also the unicast one of a renewal (packetfence 1667)', () => {
    const snooper = new DhcpSnooper();
    const bound = [{ port: 'p1', mac: MAC, ip: '10.7.0.2', seconds: 3600 }];
    ask(snooper, clientMessage({}));
    expect(answer(snooper, { type: 'offer' }).bound).toBeUndefined();
    ask(snooper, clientMessage({ type: 'request' }));
    expect(answer(snooper).bound).toEqual(bound);
    ask(snooper, clientMessage({ type: 'request', xid: 8, ciaddr: 0x0a07_0002 }));
    expect(answer(snooper, { xid: 8, ciaddr: 0x0a07_0002 }).bound).toEqual(bound);
  });

  test('the two messages of a rapid commit bind, an answer to inform does not', () => {
    const snooper = new DhcpSnooper();
    ask(snooper, clientMessage({ type: 'discover' }, [[80, new Uint8Array()]]));
    expect(answer(snooper, {}, [LEASE, [80, new Uint8Array()]]).bound).toHaveLength(1);
    ask(snooper, clientMessage({ type: 'inform', xid: 9, ciaddr: 0x0a07_0002 }));
    expect(answer(snooper, { xid: 9, yiaddr: 0 }, []).bound).toBeUndefined();
  });

  test('an answer to somebody else binds nothing, and goes its way (softnet 192)', () => {
    const snooper = new DhcpSnooper();
    ask(snooper, clientMessage({}));
    for (const other of [{ mac: guestMac(2) }, { xid: 1 }]) {
      const { bound, frame } = answer(snooper, other);
      expect(bound).toBeUndefined();
      expect(frame).toBeDefined();
    }
    // In another VLAN it is another's transaction.
    expect(answer(snooper, {}, [LEASE], 10).bound).toBeUndefined();
  });

  test('who asks in a transaction of another port is not heard; in another VLAN there is no such', () => {
    const snooper = new DhcpSnooper();
    expect(ask(snooper, clientMessage({})).frame).toBeDefined();
    expect(ask(snooper, clientMessage({}), 'p2')).toEqual({});
    expect(ask(snooper, clientMessage({}), 'p2', PLACE, 10).frame).toBeDefined();
  });

  test('option 82 alone is taken out, whatever stands behind it (dhcp-helper 21)', () => {
    const snooper = new DhcpSnooper();
    const asked = ask(
      snooper,
      clientMessage({ type: 'request' }, [[OPTION.clientId, Uint8Array.of(1, 2)]]),
      'p1',
      OPTION_82,
    );
    expect(optionsOf(asked.frame)).toEqual([OPTION.messageType, OPTION.clientId, 82].sort((a, b) => a - b));
    const given: [number, Uint8Array][] = [
      [82, Uint8Array.of(1, 2, 112, 49)],
      LEASE,
      [6, Uint8Array.of(10, 7, 0, 1)],
    ];
    expect(optionsOf(answer(snooper, {}, given).frame)).toEqual([6, OPTION.leaseTime, OPTION.messageType]);
  });

  test('a client that says it is a relay agent is not heard (BNG-router 1)', () => {
    const message = clientMessage({}, [[82, Uint8Array.of(1, 2, 112, 50)]]);
    for (const place of [PLACE, OPTION_82]) expect(ask(new DhcpSnooper(), message, 'p1', place)).toEqual({});
  });

  test('an option with the name of the client changes nothing (smartos-live 567)', () => {
    const snooper = new DhcpSnooper();
    ask(snooper, clientMessage({ type: 'request' }, [[OPTION.clientId, Uint8Array.of(255, 1, 2, 3, 4)]]));
    expect(answer(snooper).bound).toHaveLength(1);
  });

  test('what a client gives back or finds in use is free', () => {
    const freed = [{ port: 'p1', mac: MAC, ip: '10.7.0.2' }];
    const released = clientMessage({ type: 'release', ciaddr: 0x0a07_0002 });
    const declined = clientMessage({ type: 'decline' }, [
      [OPTION.requestedAddress, Uint8Array.of(10, 7, 0, 2)],
    ]);
    for (const message of [released, declined]) expect(ask(new DhcpSnooper(), message).freed).toEqual(freed);
  });
});

describe('DHCPv6', () => {
  const mac = guestMac(1);
  const address = ip('fd00::7');
  const items = [{ address, bits: 128 }];
  const reply = (
    snooper: DhcpSnooper,
    option: [number, Uint8Array],
    type: 'reply' | 'advertise' = 'reply',
  ) => {
    const message = buildMessage6(type, 0xabcdef, [[OPTION6.clientId, duid(mac)], option]);
    const way = { srcMac: guestMac(99), dstMac: mac, src: ip('fe80::99'), dst: ip('fe80::1') };
    return snooper.answer(punt(buildFrame6(way, SERVER_PORT6, CLIENT_PORT6, message), 'up'), 'br0');
  };
  const leased = (valid: number) =>
    associationOption(
      { kind: 'address', iaid: 1, items: [] },
      { given: [{ address, bits: 128, preferred: valid, valid }], t1: 0, t2: 0 },
    );
  const bound = [{ port: 'p1', mac: MAC, ip: 'fd00::7', seconds: 60 }];

  test('a reply binds, also that to a solicit (opnsense 5947)', () => {
    for (const type of ['solicit', 'request', 'renew', 'rebind'] as const) {
      const snooper = new DhcpSnooper();
      snooper.request(punt(clientFrame6({ mac, type, items }), 'p1'), PLACE);
      expect(reply(snooper, leased(60), 'advertise').bound).toBeUndefined();
      expect(reply(snooper, leased(60)).bound, type).toEqual(bound);
      expect(reply(snooper, leased(0)).bound).toEqual([]);
      expect(reply(snooper, leased(0xffff_ffff)).bound).toMatchObject([
        { seconds: Number.POSITIVE_INFINITY },
      ]);
    }
  });

  test('so does one of a temporary address', () => {
    const snooper = new DhcpSnooper();
    snooper.request(punt(clientFrame6({ mac, type: 'request' }), 'p1'), PLACE);
    const times = Uint8Array.of(0, 0, 0, 60, 0, 0, 0, 60);
    const inner = buildOptions([[OPTION6.address, Buffer.concat([address, times])]]);
    const option: [number, Uint8Array] = [OPTION6.iaTa, Buffer.concat([Uint8Array.of(0, 0, 0, 1), inner])];
    expect(reply(snooper, option).bound).toEqual(bound);
  });

  test('what a client gives back or finds in use is free', () => {
    for (const type of ['release', 'decline'] as const) {
      const { freed } = new DhcpSnooper().request(punt(clientFrame6({ mac, type, items }), 'p1'), PLACE);
      expect(freed).toEqual([{ port: 'p1', mac: MAC, ip: 'fd00::7' }]);
    }
  });

  test('a client that relays for others is not heard', () => {
    const inner = buildMessage6('solicit', 1, [[OPTION6.clientId, duid(mac)]]);
    const head = Uint8Array.from([12, 0, ...ip('fd00::1'), ...ip('fe80::5')]);
    const relayed = Buffer.concat([head, buildOptions([[OPTION6.relayMessage, inner]])]);
    const way = { srcMac: mac, dstMac: guestMac(99), src: ip('fe80::1'), dst: ip('fe80::99') };
    const frame = buildFrame6(way, SERVER_PORT6, SERVER_PORT6, relayed);
    expect(new DhcpSnooper().request(punt(frame, 'p1'), PLACE)).toEqual({});
  });
});
