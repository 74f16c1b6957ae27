// Traces and events name the line of the file that a rule came from.

import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfigWithLines } from '../../src/config/yaml.ts';
import { AclRig } from '../support/acls/rig.ts';

const FILE = `version: 1
bridges:
  br0:
    ports:
      p1: { type: memory, acls: { in: [web] } }
      p2: { type: memory, groups: [all] }
acls:
  web:
    - { deny: { protocol: tcp, ports: 22 }, log: true }
    - { permit: any }
groups:
  all: { in: [{ protocol: tcp, from: any }] }
`;

test('the line of a rule of an access list and of a group, while the rule is that of the file', async () => {
  const { config, lines } = loadConfigWithLines(FILE, 'office.yaml');
  const taploom = await Switch.open({ version: 1 }, { threaded: false });
  onTestFinished(() => taploom.close());
  await taploom.apply(config, { lines });
  const rig = new AclRig(taploom as never);
  const trace = async (dport: number, stage: string) => {
    const stations = { src: '02:00:00:00:00:61', dst: 'ff:ff:ff:ff:ff:ff' };
    const fields = { ...stations, ipSrc: '10.0.0.1', ipDst: '10.0.0.2', proto: 'tcp', dport } as const;
    const { steps } = await taploom.trace({ bridge: 'br0', port: 'p1', fields });
    return steps.filter((step) => step.stage === stage).at(-1);
  };
  const denied = await trace(22, 'acl');
  expect(denied).toMatchObject({ file: 'office.yaml', line: 9, path: 'acls.web[0]' });
  expect(denied?.message).toBe(
    'Rule 1 of access list web denies it in on p1 (acls.web[0], office.yaml:9: { deny: { protocol: tcp, ports: 22 }, log: true })',
  );
  expect((await trace(80, 'acl'))?.line).toBe(10);
  expect(await trace(80, 'policy')).toMatchObject({
    file: 'office.yaml',
    line: 12,
    path: 'groups.all.in[0]',
  });

  rig.send('p1', 'a > *', {
    src: '10.0.0.1',
    dst: '10.0.0.2',
    sport: 5000,
    dport: 22,
    protocol: 6,
    flags: 2,
  });
  rig.run();
  await new Promise(setImmediate);
  const told = taploom.events.stored().filter((event) => event.type === 'acl');
  expect(told).toMatchObject([{ file: 'office.yaml', line: 9, rule: 1 }]);
  expect(told[0].message).toContain('access list web rule 1 (acls.web[0], office.yaml:9) denied');

  expect(taploom.acls.list('web').list).toMatchObject([
    { rule: 1, file: 'office.yaml', line: 9 },
    { rule: 2, file: 'office.yaml', line: 10 },
    {},
    {},
  ]);

  await taploom.change((before) => {
    before.acls?.web.unshift({ count: 'any' });
    return before;
  });
  const moved = await trace(22, 'acl');
  expect(moved).toMatchObject({ path: 'acls.web[1]' });
  expect(moved).not.toHaveProperty('line');
  expect(taploom.acls.list('web').list.map(({ line }) => line)).toEqual(Array(5).fill(undefined));
});
