// The shape of what guests are told that boot from the network: a file by architecture.

import type { z } from 'zod';
import type { ArchitectureName } from '../wire/dhcp4/architectures.ts';
import { isFit } from '../wire/plain_text.ts';
import { address } from './address_leaves.ts';
import { mapping, text } from './leaves.ts';

/** The field `file` of a message has 128 bytes, RFC 2131 section 2, of which one ends it. */
const MAX_FILE = 127;
const isFile = (value: string) => isFit(value) && value.length > 0 && value.length <= MAX_FILE;

export const bootFile = text('the name of a file, at most 127 letters', isFile);
const url = text(
  'a URL that begins with http:// or https://, at most 127 letters',
  (value) => isFile(value) && /^https?:\/\/[^/]/i.test(value),
);

const NOTHING = { error: 'expected file, http or both: what is loaded' };
const byArchitecture = mapping({
  file: bootFile.optional(),
  server: address.optional(),
  http: url.optional(),
})
  .refine(({ file, http }) => file !== undefined || http !== undefined, NOTHING)
  .refine(({ file, server, http }) => file !== undefined || server === undefined || http === undefined, {
    error: 'server is where file is: http has its server in it',
  });
const optional = byArchitecture.optional();
const architectures = {
  bios: optional,
  'efi-x86': optional,
  'efi-x86_64': optional,
  'efi-arm64': optional,
  'efi-riscv64': optional,
} satisfies Record<ArchitectureName, typeof optional>;

export const boot = mapping({
  ...architectures,
  ipxe: mapping({ file: bootFile, server: address.optional() }).optional(),
}).default({});

export type BootConfig = z.output<typeof boot>;
