import { expect, test } from 'vitest';
import { validate } from '../../src/config/schema.ts';

const problems = (ports: object) =>
  validate({ version: 1, bridges: { b: { ports } } }).problems.map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  );

test('a guest needs a socket of its own, by an absolute path that the kernel takes', () => {
  const guest = (more: object = {}) => ({ type: 'vhost_user', path: '/run/vm1.sock', ...more });
  expect(
    problems({ vm1: guest(), vm2: guest({ path: '/run/vm2.sock', mode: 'client', queues: 16 }) }),
  ).toEqual([]);
  expect(problems({ vm1: guest(), vm2: guest({ mode: 'client' }) })).toEqual([
    'bridges.b.ports.vm2.path: port vm1 has this socket: each guest needs one of its own',
  ]);
  for (const path of ['vm1.sock', `/${'x'.repeat(107)}`, '/run/\0'])
    expect(problems({ vm1: guest({ path }) })[0]).toMatch(/is not an absolute path of a socket/);
  expect(problems({ vm1: guest({ queues: 17 }) })[0]).toMatch(/is not a number of queues \(1-16\)/);
  expect(problems({ vm1: guest({ socket_mode: '0600', owner: 'qemu', group: 'kvm' }) })).toEqual([]);
  expect(problems({ vm1: guest({ mode: 'client', group: 'kvm' }) })).toEqual([
    'bridges.b.ports.vm1.group: is for the socket file of a server: who made the socket says who may use it',
  ]);
});
