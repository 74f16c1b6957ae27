// The alert rules say what to do, and leave out the drops that the log leaves out.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ORDINARY } from '../../src/control/port_watch.ts';
import { DROPS } from '../../src/table/drops.ts';

const read = (name: string) =>
  readFileSync(new URL(`../../docs/monitoring/${name}`, import.meta.url), 'utf8');

interface Rule {
  alert: string;
  expr: string;
  annotations: { summary?: string; description?: string };
}
const rules: Rule[] = parse(read('alerts.yaml')).groups.flatMap(({ rules }: { rules: Rule[] }) => rules);

test.each(rules)('$alert has a summary, and a description that says what helps', ({ annotations }) => {
  expect(annotations).toEqual({ summary: expect.any(String), description: expect.stringMatching(/\.$/) });
});

test('no alert is raised for drops that an ordinary network makes', () => {
  const expr = rules.find(({ alert }) => alert === 'TaploomFramesDropped')?.expr ?? '';
  for (const side of ['receive', 'transmit']) {
    const left = new RegExp(`${side}_dropped_total{reason!~"([^"]*)"}`).exec(expr)?.[1].split('|');
    const ordinary = DROPS.filter((drop) => drop.side === side && ORDINARY.has(drop.name));
    expect(left?.sort()).toEqual(ordinary.map(({ name }) => name).sort());
  }
});
