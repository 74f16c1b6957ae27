// What `taploom trace` says of access lists.

import { Switch } from 'taploom';
import { expect, test } from 'vitest';
import { openAcls } from '../support/acls/rig.ts';

test('a trace names the list and its rule, and counts nothing', async () => {
  const rig = await openAcls(
    {
      br0: {
        mirrors: { watch: { from: [], to: 'w' } },
        ports: { p1: { acls: { in: ['web'] } }, p2: { acls: { out: ['none'] } }, w: {} },
      },
    },
    {
      web: [
        { permit: { protocol: 'tcp', ports: 80 } },
        { deny: { protocol: 'tcp' }, mirror: 'watch', log: true },
        { count: { protocol: 'udp' }, police: '8kbit' },
        { permit: 'any' },
      ],
      none: [],
    },
    {},
    (config, options) => Switch.open(config, options) as never,
  );
  const trace = async (proto: 'tcp' | 'udp', dport: number) => {
    const fields = {
      src: '02:00:00:00:00:01',
      dst: 'ff:ff:ff:ff:ff:ff',
      ipSrc: '10.0.0.1',
      ipDst: '10.0.0.2',
      proto,
      dport,
    };
    return rig.taploom.trace({ bridge: 'br0', port: 'p1', fields });
  };
  const denied = await trace('tcp', 22);
  expect(denied.outcome).toMatchObject({ verdict: 'dropped', reason: 'acl_in' });
  expect(denied.steps.filter(({ stage }) => stage === 'acl')).toEqual([
    {
      stage: 'acl',
      verdict: 'deny',
      message:
        'Rule 2 of access list web denies it in on p1 (acls.web[1]: { deny: { protocol: tcp }, mirror: watch, log: true })',
      path: 'acls.web[1]',
      value: { deny: { protocol: 'tcp' }, mirror: 'watch', log: true },
    },
  ]);
  const out = await trace('tcp', 80);
  expect(out.outcome).toMatchObject({ verdict: 'dropped', reason: 'acl_out' });
  expect(out.steps.filter(({ stage }) => stage === 'acl').map(({ message }) => message)).toEqual([
    'Rule 1 of access list web lets it pass in on p1 (acls.web[0]: { permit: { protocol: tcp, ports: 80 } })',
    'No rule of access list none fits, and its end denies everything else out of p2',
  ]);
  const counted = await trace('udp', 53);
  expect(counted.steps.filter(({ stage }) => stage === 'acl').map(({ verdict }) => verdict)).toEqual([
    'count',
    'permit',
    'deny',
  ]);
  expect(rig.hits('web')).toEqual({});
});
