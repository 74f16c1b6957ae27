import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ChangeLog } from '../../src/uplink/change_log.ts';
import { Forwarding, type ForwardingParts } from '../../src/uplink/forwarding.ts';
import { Sysctl, sysctlName } from '../../src/uplink/sysctl.ts';

const BR0 = 'ipv4/conf/br0/forwarding';
const ETH0 = 'ipv4/conf/eth0/forwarding';
const WANTED = [
  { name: BR0, isShared: false },
  { name: ETH0, isShared: true },
];

/** A host whose settings are files of a folder of tests. */
class Host {
  readonly folder = mkdtempSync(join(tmpdir(), 'taploom-forwarding-'));
  readonly state = join(this.folder, 'state');
  readonly file = join(this.state, 'host-uplink.json');
  readonly interfaces = new Map([
    ['eth0', 2],
    ['br0', 3],
    ['wg0', 4],
  ]);

  constructor() {
    onTestFinished(() => rmSync(this.folder, { recursive: true }));
    for (const name of ['all', 'default', 'lo', ...this.interfaces.keys()])
      this.set(`ipv4/conf/${name}/forwarding`, '0');
  }

  set(name: string, value: string): void {
    const file = join(this.folder, 'net', name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${value}\n`);
  }

  get(name: string): string {
    return readFileSync(join(this.folder, 'net', name), 'utf8').trim();
  }

  /** It goes with its settings. */
  remove(name: string): void {
    this.interfaces.delete(name);
    rmSync(join(this.folder, 'net/ipv4/conf', name), { recursive: true });
  }

  add(name: string, index: number, forwarding: string): void {
    this.interfaces.set(name, index);
    this.set(`ipv4/conf/${name}/forwarding`, forwarding);
  }

  /** As at the start of a process. */
  start(parts: Partial<ForwardingParts> = {}): Forwarding {
    return new Forwarding({
      sysctl: new Sysctl(join(this.folder, 'net')),
      log: new ChangeLog(this.state),
      indexOf: (name) => this.interfaces.get(name),
      nameOf: (index) => [...this.interfaces].find(([, one]) => one === index)?.[0],
      ...parts,
    });
  }
}

test('interfaces forward, and what they did before is on the disk until it is so again', () => {
  const host = new Host();
  const forwarding = host.start();
  forwarding.add(WANTED);
  expect([host.get(BR0), host.get(ETH0)]).toEqual(['1', '1']);
  expect(forwarding.isOurs(ETH0)).toBe(true);
  expect(JSON.parse(readFileSync(host.file, 'utf8')).changes).toEqual([
    { name: BR0, index: 3, before: '0', ours: '1', isShared: false },
    { name: ETH0, index: 2, before: '0', ours: '1', isShared: true },
  ]);
  expect(forwarding.keepOnly([])).toEqual([BR0, ETH0]);
  expect([host.get(BR0), host.get(ETH0)]).toEqual(['0', '0']);
  expect(() => readFileSync(host.file)).toThrow('ENOENT');
});

test('what is recorded before it is set: a process may end in between', () => {
  const host = new Host();
  const sysctl = new Sysctl(join(host.folder, 'net'));
  sysctl.write = () => {
    throw new Error('killed');
  };
  expect(() => host.start({ sysctl }).add(WANTED)).toThrow(
    'Cannot set net.ipv4.conf.br0.forwarding=1: killed',
  );
  expect(readFileSync(host.file, 'utf8')).toContain(ETH0);
  expect(host.start().keepOnly([])).toEqual([]);
});

test('without a record nothing is set', () => {
  const host = new Host();
  writeFileSync(host.state, 'a file where the folder should be');
  expect(() => host.start().add(WANTED)).toThrow(
    /^Cannot record what is changed of the host: .*: nothing is changed/,
  );
  expect([host.get(BR0), host.get(ETH0)]).toEqual(['0', '0']);
});

test('the next process goes on with what one left, or takes it back', () => {
  const host = new Host();
  host.start().add(WANTED);
  const next = host.start();
  expect(next.keepOnly(WANTED)).toEqual([]);
  next.add(WANTED);
  expect(next.isOurs(BR0)).toBe(true);
  expect(host.start().keepOnly([WANTED[0]])).toEqual([ETH0]);
  expect([host.get(BR0), host.get(ETH0)]).toEqual(['1', '0']);
  expect(host.start().keepOnly([])).toEqual([BR0]);
});

test('what forwarded before is not ours', () => {
  const host = new Host();
  host.set(ETH0, '1');
  const forwarding = host.start();
  forwarding.add(WANTED);
  expect(forwarding.isOurs(ETH0)).toBe(false);
  expect(forwarding.keepOnly([])).toEqual([BR0]);
  expect(host.get(ETH0)).toBe('1');
});

test.each([
  ['somebody changed it since', (host: Host) => host.set(ETH0, '0'), [BR0]],
  ['all interfaces forward now', (host: Host) => host.set('ipv4/conf/all/forwarding', '1'), []],
  [
    'another interface forwards, which needs the uplink',
    (host: Host) => host.set('ipv4/conf/wg0/forwarding', '1'),
    [BR0],
  ],
  [
    'new interfaces are to forward',
    (host: Host) => host.set('ipv4/conf/default/forwarding', '1'),
    [BR0, ETH0],
  ],
  ['the interface is gone', (host: Host) => host.remove('br0'), [ETH0]],
  ['another interface has its name', (host: Host) => host.add('br0', 9, '0'), [ETH0]],
])('only that is undone which is still ours: %s', (_, happen, undone) => {
  const host = new Host();
  host.start().add(WANTED);
  happen(host);
  expect(host.start().keepOnly([])).toEqual(undone);
});

test('an interface with another name is undone under that', () => {
  const host = new Host();
  host.start().add(WANTED);
  host.remove('eth0');
  host.add('wan', 2, '1');
  expect(host.start().keepOnly([])).toContain('ipv4/conf/wan/forwarding');
  expect(host.get('ipv4/conf/wan/forwarding')).toBe('0');
});

test('a setting that somebody else took back is set again', () => {
  const host = new Host();
  const forwarding = host.start();
  forwarding.add(WANTED);
  host.set(BR0, '0');
  forwarding.keepOnly(WANTED);
  forwarding.add(WANTED);
  expect(host.get(BR0)).toBe('1');
  expect(forwarding.isOurs(BR0)).toBe(true);
});

test.each([
  ['no JSON', '{'],
  ['nothing', 'null'],
  ['a list', '[]'],
  ['of another boot', (record: object) => JSON.stringify({ ...record, boot: 'other' })],
  ['of another namespace', (record: object) => JSON.stringify({ ...record, netns: 1 })],
  ['without changes', (record: object) => JSON.stringify({ ...record, changes: 7 })],
  ...[
    { name: '../../kernel/core_pattern' },
    { name: 'ipv4/conf/../forwarding' },
    { name: 'ipv4/conf/eth0/rp_filter' },
    { name: 7 },
    { before: '|sh' },
    { index: 'two' },
  ].map((wrong) => [
    `with ${JSON.stringify(wrong)}`,
    (record: { changes: object[] }) =>
      JSON.stringify({ ...record, changes: record.changes.map((one) => ({ ...one, ...wrong })) }),
  ]),
] as [string, string | ((record: object) => string)][])(
  'a record that says nonsense undoes nothing: %s',
  (_, content) => {
    const host = new Host();
    host.start().add(WANTED);
    const record = JSON.parse(readFileSync(host.file, 'utf8'));
    writeFileSync(host.file, typeof content === 'string' ? content : content(record));
    expect(host.start().keepOnly([])).toEqual([]);
  },
);

test('settings are named as sysctl names them', () => {
  expect(sysctlName(ETH0)).toBe('net.ipv4.conf.eth0.forwarding');
  expect(sysctlName('ipv6/conf/eth0.7/accept_ra')).toBe('net.ipv6.conf.eth0/7.accept_ra');
});
