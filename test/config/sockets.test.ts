import { expect, test } from 'vitest';
import { formatConfig } from '../../src/config/format_config.ts';
import { formatPath } from '../../src/config/path.ts';
import { parseConfig, validate } from '../../src/config/schema.ts';
import { loadConfig } from '../../src/config/yaml.ts';

const config = (ports: Record<string, object>, keys: object = {}) => ({
  version: 1,
  bridges: { br0: { ...keys, ports } },
});
const problems = (ports: Record<string, object>, keys?: object) =>
  validate(config(ports, keys)).problems.map(
    ({ path, message }) => `${formatPath(path).split('.').slice(3).join('.')}: ${message}`,
  );
const of = (port: object) => problems({ vm1: { type: 'stream', ...port } });
const ofDgram = (port: object) => problems({ vm1: { type: 'dgram', ...port } });

test('what is written reads the same, without what is default', () => {
  const ports = {
    vm1: { type: 'stream', path: '/run/vm1.sock' },
    vm2: { type: 'dgram', path: '/run/vm2.sock', remote: '/run/q.sock', socket_mode: '0600' },
    vm3: { type: 'stream', address: '[::1]:5000', mode: 'client' },
    guests: { type: 'stream', path: '/run/g.sock', template: { vlan: { access: 10 } }, name_by: 'pid' },
  };
  const parsed = parseConfig(config(ports, { vlan_filtering: true }));
  const text = formatConfig(parsed);
  expect(loadConfig(text, 'test')).toEqual(parsed);
  expect(text).not.toContain('max_guests');
  expect(text).not.toContain('hairpin');
});

test('a socket has one place, on this host, that a socket can have', () => {
  const path = '/run/vm1.sock';
  expect(of({})).toEqual(['vm1.path: missing: give the path of a Unix socket, or an address and a port']);
  expect(of({ path, address: '127.0.0.1:1' })).toEqual([
    'vm1.address: a socket has a path or an address, not both',
  ]);
  expect(of({ path: `/run/${'x'.repeat(103)}` })).toEqual([
    'vm1.path: the path of a Unix socket has at most 107 bytes, and this one 108',
  ]);
  expect(of({ path: 'vm1.sock' })[0]).toContain('is not an absolute path');
  expect(of({ address: '192.0.2.1:5000' })[0]).toContain('can be reached by others than this host');
  expect(of({ address: '0.0.0.0:5000' })[0]).toContain('can be reached by others');
  for (const address of [
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '::1:5000',
    '[127.0.0.1]:5000',
    'localhost:80',
  ])
    expect(of({ address })[0]).toContain('is not an address of this host and a port');
  expect(of({ path, socket_mode: 660 })).toEqual([
    'vm1.socket_mode: 660 is a number here: write the mode of a file in octal and in quotes, such as "0660"',
  ]);
  expect(of({ path, mode: 'client', owner: 'root' })[0]).toContain('is for the socket file of a server');
  expect(of({ address: '127.0.0.1:5000', framing: 'bess' })[0]).toContain('is for Unix sockets');
  expect(problems({ a: { type: 'stream', path }, b: { type: 'dgram', path } })).toEqual([
    'b.path: port a already listens there',
  ]);
  expect(problems({ a: { type: 'stream', path }, b: { type: 'stream', path, mode: 'client' } })).toEqual([]);
});

test('datagrams go to a place of the same kind, that is another', () => {
  const path = '/run/vm1.sock';
  expect(ofDgram({ path, remote: path })).toEqual(['vm1.remote: is our own socket']);
  expect(ofDgram({ path, remote: '127.0.0.1:5000' })).toEqual(['vm1.remote: is of another kind than path']);
  expect(ofDgram({ address: '127.0.0.1:1', remote: '192.0.2.1:2' })[0]).toContain('can be reached by others');
  expect(ofDgram({ path, mode: 'client', remote: '/run/q' })[0]).toContain('a client sends to its path');
  expect(ofDgram({ address: '127.0.0.1:1', mode: 'client' })[0]).toContain('give remote, and leave mode out');
});

test('guests take a server at a path, and their VLANs a bridge that filters', () => {
  const path = '/run/g.sock';
  const template = { vlan: { access: 10 } };
  expect(of({ path, template: {} })).toEqual([]);
  expect(of({ path, template })).toEqual([
    'vm1.template: names a VLAN, and the bridge does not filter VLANs',
  ]);
  expect(of({ path, template: {}, mode: 'client' })[0]).toContain('guests connect to a server');
  expect(of({ path, users: { 1000: {} } })).toEqual(['vm1.users: takes a template for all others']);
  expect(of({ path, name_by: 'pid' })).toEqual(['vm1.name_by: is for guests of a template']);
  expect(of({ address: '127.0.0.1:1', template: {}, name_by: 'uid' })[0]).toContain(
    'nobody tells who connects',
  );
  expect(of({ path, template: { hairpn: true } })[0]).toContain('did you mean hairpin');
  const guests = { type: 'stream', path, template: {} };
  expect(problems({ guests: { ...guests, vlan: { access: 1 } } }, { vlan_filtering: true })[0]).toContain(
    'belongs into the template',
  );
  expect(problems({ guests, 'guests.7': { type: 'memory' } })[0]).toContain(
    'is named like a guest of guests',
  );
});
