// What is known of VLAN devices on an interface, when the kernel's news are complete and when some were lost.

import { expect, test } from 'vitest';
import { VlanDevices } from '../../src/device/vlan_devices.ts';
import { attribute, message } from '../support/rtnetlink.ts';

const ETH0 = 3;

/** RTM_NEWLINK of `vid` on the interface of index `on`. */
function newLink(vid: number, on = ETH0): Buffer {
  const id = Buffer.alloc(2);
  id.writeUInt16LE(vid);
  const data = Buffer.concat([attribute(1, id), attribute(5, Buffer.from([0x81, 0x00]))]);
  const info = Buffer.concat([attribute(1, Buffer.from('vlan\0')), attribute(2, data)]);
  const lower = Buffer.alloc(4);
  lower.writeInt32LE(on);
  return message(16, Buffer.concat([Buffer.alloc(16), attribute(5, lower), attribute(18, info)]));
}

const tag = (vid: number) => (0x8100 << 16) | vid;

function open() {
  const links: Buffer[] = [];
  const told: number[][] = [];
  const devices = new VlanDevices(
    ETH0,
    () => [Buffer.concat(links)],
    (tags) => told.push([...tags]),
  );
  return { links, told, devices };
}

test('devices of this interface are found, those of others are none of it, and nothing new is no news', () => {
  const { links, told, devices } = open();
  links.push(newLink(10), newLink(11, ETH0 + 1));
  expect(devices.find()).toBe(true);
  expect(devices.find()).toBe(false);
  expect(told).toEqual([[tag(10)]]);
});

test('one that comes, is changed and goes is told twice', () => {
  const { told, devices } = open();
  expect(devices.set(tag(10), 'here')).toBe(true);
  expect(devices.set(tag(10), 'here')).toBe(false);
  expect(devices.set(tag(10), 'gone')).toBe(true);
  expect(told).toEqual([[tag(10)], []]);
});

test('when news were lost, one that is gone loses its tag, and one that moved away keeps it until it is back and ends', () => {
  const { links, devices } = open();
  links.push(newLink(10), newLink(12));
  devices.find();
  devices.set(tag(12), 'away');
  links.length = 0; // VLAN 10 ended, and nobody said so
  expect(devices.find()).toBe(true);
  expect([...devices.tags]).toEqual([tag(12)]);
  devices.set(tag(12), 'here');
  expect(devices.find()).toBe(true);
  expect([...devices.tags]).toEqual([]);
});
