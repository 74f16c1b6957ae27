import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseAddress } from '../../src/config/subnet.ts';
import { hostResolvers, resolversForHost } from '../../src/switch/host_resolvers.ts';

function file(...lines: string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'resolv-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'resolv.conf'), lines.join('\n'));
  return join(dir, 'resolv.conf');
}

const local = () =>
  file('# by systemd-resolved', 'nameserver 127.0.0.53', 'search example', 'nameserver 2001:db8::53');
const more = () => file('nameserver 192.0.2.53', 'nameserver 198.51.100.53');

test('guests are told resolvers that they reach', () => {
  expect(hostResolvers([local(), more()])).toEqual(['192.0.2.53', '198.51.100.53'].map(parseAddress));
  expect(hostResolvers(['/nowhere'])).toEqual([]);
});

test('the host asks any that it has, three at most, and never itself', () => {
  expect(resolversForHost(new Set(), local())).toEqual(['127.0.0.53', '2001:db8::53']);
  expect(resolversForHost(new Set(['198.51.100.53']), more())).toEqual(['192.0.2.53']);
  const many = file(...[1, 2, 3, 4, 5].map((n) => `nameserver 192.0.2.${n}`), 'nameserver nonsense');
  expect(resolversForHost(new Set(['192.0.2.2']), many)).toEqual(['192.0.2.1', '192.0.2.3', '192.0.2.4']);
  expect(resolversForHost(new Set(), '/nowhere')).toEqual([]);
});
