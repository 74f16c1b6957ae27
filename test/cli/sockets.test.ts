// What people see of ports that are sockets.

import { expect, test } from 'vitest';
import type { PortStatus } from '../../src/api.ts';
import { portColumns } from '../../src/cli/columns.ts';
import { portText } from '../../src/cli/port_view.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { requirePort } from '../../src/control/edits.ts';
import { NOTHING } from '../../src/switch/port_status.ts';

const path = '/run/g.sock';
const config = parseConfig({
  version: 1,
  bridges: {
    br0: {
      vlan_filtering: true,
      ports: {
        guests: {
          type: 'stream',
          path,
          template: { vlan: { access: 10 } },
          users: { 1000: { vlan: { access: 20 }, isolated: true } },
        },
      },
    },
  },
});

function statusOf(name: string, socket: Partial<NonNullable<PortStatus['socket']>>): PortStatus {
  return {
    bridge: 'br0',
    name,
    type: 'stream',
    number: 1,
    state: 'up',
    mtu: 1500,
    learnedAddresses: 0,
    counters: NOTHING,
    socket: { place: path, mode: 'server', framing: 'qemu', connected: true, connections: 1, ...socket },
  };
}

test('a guest has the details of its template, or of its user', () => {
  const { details } = portColumns(config);
  const guest = (uid: number) => ({ guestOf: 'guests', peer: { pid: 4711, uid, gid: 100 } });
  expect(details.value(statusOf('guests.1', guest(5)))).toBe(
    'access 10, guest of guests, process 4711 of user 5',
  );
  expect(details.value(statusOf('guests.2', guest(1000)))).toBe(
    'access 20, guest of guests, process 4711 of user 1000, isolated',
  );
  expect(details.value(statusOf('guests', { guests: 1 }))).toBe('access 10, listens at /run/g.sock, 1 guest');
});

test('a port tells who is at its socket, line by line', () => {
  const peer = { pid: 4711, uid: 1000, gid: 100 };
  const text = portText(statusOf('guests.1', { guestOf: 'guests', peer }), undefined);
  expect(text).toMatch(/^socket\n {2}place +\/run\/g\.sock$/m);
  expect(text).toMatch(/^ {2}peer +process 4711, user 1000, group 100$/m);
});

test('who would change a guest is told that it has no settings of its own', () => {
  expect(() => requirePort(config, 'br0', 'guests.1')).toThrow('is a guest of guests');
  expect(() => requirePort(config, 'br0', 'vm9')).toThrow(/has no port vm9$/);
});
