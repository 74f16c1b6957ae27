// Keys of `dhcp` that tell guests which file they boot, and where relay agents are, in a switch without threads.

import { expect, test } from 'vitest';
import { networksOf } from '../../src/config/networks.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { DhcpServer } from '../../src/protocol/dhcp/server.ts';
import { dhcpSettings } from '../../src/switch/dhcp_settings.ts';
import { OPTION } from '../../src/wire/dhcp4/codes.ts';
import { parseDhcpFrame } from '../../src/wire/dhcp4/frame.ts';
import type { DhcpMessage } from '../../src/wire/dhcp4/message.ts';
import { text, uint16 } from '../../src/wire/dhcp4/values.ts';
import { ip } from '../protocol/dhcp/world.ts';
import { clientFrame, clientMessage, guestMac } from '../wire/dhcp4/messages.ts';

type Options = [number, Uint8Array][];

function serverOf(dhcp: object): DhcpServer {
  const network = { mode: 'nat', subnet: '10.7.0.0/24', dhcp };
  const bridge = { network, ports: { vm1: { type: 'memory' }, up: { type: 'memory' } } };
  const { bridges } = parseConfig({ version: 1, bridges: { br0: bridge } });
  const [made] = networksOf('br0', bridges.br0);
  if (made === undefined) throw new Error('no network');
  const servers = { resolvers: [made.gateway], domain: 'br0.internal' };
  return new DhcpServer(dhcpSettings(made, guestMac(0xffff), servers), [], 1000);
}

/** The offer to a guest, after the probe if there is one. */
function offer(server: DhcpServer, options: Options, { port = 'vm1', giaddr = 0 } = {}): DhcpMessage {
  const frame = clientFrame(clientMessage({ mac: guestMac(1), giaddr }, options));
  const now = 1000;
  const answers = [
    ...server.received({ port, vlan: 0, tag: 0, bytes: frame, at: now }).frames,
    ...server.tick(now + 1000).frames,
    ...server.tick(now + 2000).frames,
  ];
  const parsed = parseDhcpFrame(answers[0]?.frame ?? new Uint8Array());
  if (typeof parsed === 'string') throw new Error(`no offer: ${parsed}`);
  return parsed.message;
}

const BOOT = {
  next_server: '10.7.0.5',
  boot_file: 'any.0',
  boot: {
    bios: { file: 'undionly.kpxe' },
    'efi-x86_64': { file: 'ipxe.efi', server: '10.7.0.6', http: 'http://10.7.0.7/grub.efi' },
    'efi-arm64': { http: 'https://boot.example/arm64.efi' },
    ipxe: { file: 'http://10.7.0.8/menu.ipxe' },
  },
};

const machine = (vendor: string, architecture: number): Options => [
  [OPTION.vendorClass, text(`${vendor}:Arch:${`${architecture}`.padStart(5, '0')}:UNDI:003001`)],
  [OPTION.architecture, uint16(architecture)],
];
const IPXE: Options = [[OPTION.userClass, text('iPXE')]];

test.each([
  ['a guest that does not boot', [], 'any.0', '10.7.0.5'],
  ['a BIOS', machine('PXEClient', 0), 'undionly.kpxe', '10.7.0.5'],
  ['UEFI of x86-64', machine('PXEClient', 7), 'ipxe.efi', '10.7.0.6'],
  ['UEFI that says byte code', machine('PXEClient', 9), 'ipxe.efi', '10.7.0.6'],
  ['UEFI of x86-64 by HTTP', machine('HTTPClient', 16), 'http://10.7.0.7/grub.efi', '10.7.0.5'],
  ['UEFI of arm64 by HTTP', machine('HTTPClient', 19), 'https://boot.example/arm64.efi', '10.7.0.5'],
  ['UEFI of arm64 by TFTP, for which there is no file', machine('PXEClient', 11), 'any.0', '10.7.0.5'],
  [
    'iPXE, which any of them has loaded',
    [...machine('PXEClient', 7), ...IPXE],
    'http://10.7.0.8/menu.ipxe',
    '10.7.0.5',
  ],
] as [string, Options, string, string][])('%s is told its file and its server', (_, options, file, next) => {
  const told = offer(serverOf(BOOT), options);
  expect([told.bootFile, told.siaddr]).toEqual([file, ip(next)]);
});

test('firmware that boots by HTTP is told that this is an answer for it', () => {
  const vendorOf = (options: Options) =>
    Buffer.from(offer(serverOf(BOOT), options).options.get(OPTION.vendorClass) ?? []).toString();
  expect(vendorOf(machine('HTTPClient', 16))).toBe('HTTPClient');
  expect(vendorOf(machine('PXEClient', 7))).toBe('');
});

const RELAY = {
  relay: { ports: ['up'], subnets: { '10.9.0.0/16': {}, '10.8.0.0/24': { gateway: '10.8.0.254' } } },
};
const asked: Options = [[OPTION.parameters, Uint8Array.of(OPTION.routers, OPTION.dns, OPTION.domain)]];
const addressOf = (message: DhcpMessage, code: number) => [...(message.options.get(code) ?? [])].join('.');

test('guests behind a relay agent get addresses of its subnet, its router, and no server out of their reach', () => {
  const far = offer(serverOf(RELAY), asked, { port: 'up', giaddr: ip('10.9.0.1') });
  expect(far.yiaddr).toBe(ip('10.9.0.2'));
  expect(addressOf(far, OPTION.routers)).toBe('10.9.0.1');
  expect(addressOf(far, OPTION.dns)).toBe('');
  expect(Buffer.from(far.options.get(OPTION.domain) ?? []).toString()).toBe('br0.internal');
  const other = offer(serverOf(RELAY), asked, { port: 'up', giaddr: ip('10.8.0.254') });
  expect(other.yiaddr).toBe(ip('10.8.0.1'));
  expect(addressOf(other, OPTION.routers)).toBe('10.8.0.254');
});

test('a resolver that the configuration names is told to them, too', () => {
  const server = serverOf({ ...RELAY, dns: ['9.9.9.9'] });
  const far = offer(server, asked, { port: 'up', giaddr: ip('10.9.0.1') });
  expect(addressOf(far, OPTION.dns)).toBe('9.9.9.9');
});

test('a guest that says it is a relay agent is not heard', () => {
  expect(() => offer(serverOf(RELAY), asked, { port: 'vm1', giaddr: ip('10.9.0.1') })).toThrow('no offer');
});
