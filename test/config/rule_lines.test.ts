// On which lines of a file rules stand, and for how long that is so.

import { expect, test } from 'vitest';
import { linesThatHold, RuleOrigin } from '../../src/config/rule_lines.ts';
import { loadConfig, loadConfigWithLines } from '../../src/config/yaml.ts';

const FILE = `version: 1
acls:
  office:
    # voice first
    - { permit: { protocol: udp, dscp: 46 } }
    -
      deny:
        protocol: tcp
    - &last { permit: any }
  guests: [{ deny: any }, *last]
  empty:
groups:
  web:
    in:
      - { protocol: tcp, ports: 80, from: any }
      - { protocol: tcp, ports: 443, from: any }
    out: any
  db: { in: [] }
`;

function origin(): RuleOrigin {
  const { lines, config } = loadConfigWithLines(FILE, 'office.yaml');
  const made = new RuleOrigin();
  made.note(lines, config);
  return made;
}

test('each rule has the line where it begins; what the file does not say has none', () => {
  const { lines } = loadConfigWithLines(FILE, 'office.yaml');
  expect(lines).toEqual({
    file: 'office.yaml',
    acls: { office: [5, 7, 9], guests: [10, 10], empty: [] },
    groups: { web: { in: [15, 16], out: [17] }, db: { in: [], out: [0] } },
  });
  expect(loadConfigWithLines('version: 1\n', 'x.yaml').lines).toBeUndefined();
});

test('a rule that has changed, or stands elsewhere, is none of the file', () => {
  const made = origin();
  const before = loadConfig(FILE, 'office.yaml');
  const at = (config: typeof before) => [0, 1, 2].map((n) => made.of(['acls', 'office', n], config)?.line);
  expect(at(before)).toEqual([5, 7, 9]);
  const after = structuredClone(before);
  after.acls?.office.splice(1, 1, { deny: { protocol: 'udp' } });
  expect(at(after)).toEqual([5, undefined, 9]);
  after.acls?.office.splice(1, 1);
  expect(at(after)).toEqual([5, undefined, undefined]);
  expect(made.of(['groups', 'web', 'in', 1], before)).toEqual({ file: 'office.yaml', line: 16 });
  expect(made.of(['groups', 'web', 'out'], before)?.line).toBe(17);
  for (const path of [['groups', 'db', 'out'], ['acls', 'constructor', 0], ['bridges', 'br0'], []])
    expect(made.of(path, before)).toBeUndefined();
  // A change by a client says nothing of lines.
  made.note(undefined, after);
  expect(made.of(['acls', 'office', 0], after)?.line).toBe(5);
});

test('of a state that was built on a file those lines count whose rules are as they were', () => {
  const { lines, config } = loadConfigWithLines(FILE, 'office.yaml');
  const changed = structuredClone(config);
  changed.acls?.office.splice(0, 1);
  if (changed.groups) changed.groups.web.out = [];
  expect(lines && linesThatHold(lines, config, changed)).toEqual({
    file: 'office.yaml',
    acls: { office: [0, 0, 0], guests: [10, 10], empty: [] },
    groups: { web: { in: [15, 16], out: [0] }, db: { in: [], out: [0] } },
  });
});
