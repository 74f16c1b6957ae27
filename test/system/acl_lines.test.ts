// Who asks why a frame was denied is told the line of the file that says so: by a trace, by an event, and by the list itself.

import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AclRules, Trace } from '../../src/api.ts';
import type { SwitchEvent } from '../../src/event.ts';
import { buildFrame } from '../../src/trace/trace_frame.ts';
import { openLab } from '../support/lab.ts';
import { Taploomd } from '../support/taploomd.ts';
import { sendFrames } from '../support/traffic.ts';

const FIELDS = {
  src: '02:00:5e:10:00:0a',
  dst: '02:00:5e:10:00:0b',
  ipSrc: '10.0.0.1',
  ipDst: '10.0.0.2',
  proto: 'tcp',
  dport: 25,
} as const;

/** Its rule about port 25 is in line 10, and `more` above it moves it down. */
const fileOf = (netns: string, more: string) => `version: 1
bridges:
  br0:
    ports:
      a: { type: tap, netns: ${netns}, acls: { in: [office] } }
      b: { type: tap, netns: ${netns} }
acls:
  # The first that fits decides.
  office:
${more}    - { deny: { protocol: tcp, ports: 25 }, log: true }
    - permit: any
`;

test('a trace, an event and the list name the file and the line of a rule', async () => {
  const lab = await openLab();
  const [sw, guests] = await lab.netnsList(['sw', 'guests']);
  const daemon = await Taploomd.start(lab, sw, fileOf(guests.name, ''));
  await guests.up('a');
  const deny = async (count: number) => {
    await sendFrames(guests, 'a', [{ hex: Buffer.from(buildFrame(FIELDS)).toString('hex') }]);
    const path = '/v1/events?follow=false&type=acl';
    const events = async () => (await daemon.get<{ events: SwitchEvent[] }>(path)).events;
    await daemon.until('the event', async () => (await events()).length === count);
    return (await events())[count - 1];
  };
  const traced = async () => {
    const { traces } = await daemon.request<{ traces: Trace[] }>('POST', '/v1/trace', {
      bridge: 'br0',
      port: 'a',
      fields: FIELDS,
    });
    return traces[0].steps.find(({ stage }) => stage === 'acl');
  };
  const file = `${lab.dir}/taploom.yaml`;

  const place = { file, line: 10 };
  expect(await traced()).toMatchObject({ verdict: 'deny', path: 'acls.office[0]', ...place });
  expect(await deny(1)).toMatchObject({ list: 'office', rule: 1, ...place });
  const { list } = await daemon.get<AclRules>('/v1/acls/office');
  expect(list).toMatchObject([place, { file, line: 11 }, {}, {}]);
  expect(await daemon.cli('acl', 'show')).toMatch(/ taploom\.yaml:10\n/);
  expect(await daemon.cli('acl', 'show', '--format', '{line}')).toContain(`${file}:10\n`);

  // Another file with the same rule further down.
  const next = `${lab.dir}/next.yaml`;
  writeFileSync(next, fileOf(guests.name, '    # Nobody sends mail past the server.\n    - count: any\n'));
  await daemon.cli('apply', next);
  const moved = { file: next, line: 12 };
  expect(await traced()).toMatchObject({ verdict: 'count', file: next, line: 11 });
  expect((await daemon.get<AclRules>('/v1/acls/office')).list[1]).toMatchObject(moved);
  expect(await deny(2)).toMatchObject({ rule: 2, ...moved });
  const words = [
    '--src',
    FIELDS.src,
    '--dst',
    FIELDS.dst,
    '--ip-src',
    FIELDS.ipSrc,
    '--ip-dst',
    FIELDS.ipDst,
  ];
  const text = await daemon.cli(
    ...['trace', 'br0', '--in', 'a', ...words, '--proto', 'tcp', '--dport', '25'],
  );
  expect(text.replaceAll(/\s+/g, '')).toContain(`acls.office[1],${next}:12`);
}, 30_000);
