// The shape of what ports of type `stream` and `dgram` stand on: sockets of virtual machines and their like.

import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { isFit } from '../wire/plain_text.ts';
import { expecting, type Issue, integer, text } from './leaves.ts';
import { show } from './show.ts';
import { parseSocketAddress } from './socket_address.ts';

/** sun_path has 108 bytes, the last of them NUL: unix(7). */
export const SOCKET_PATH_MAX = 107;
/** Most guests of one listening socket. */
export const MAX_GUESTS = 1024;

const PATH = 'an absolute path such as /run/vm1.sock';
const path = z.string(expecting(PATH)).superRefine((value, context) => {
  const bytes = Buffer.byteLength(value);
  const message =
    bytes > SOCKET_PATH_MAX
      ? `the path of a Unix socket has at most ${SOCKET_PATH_MAX} bytes, and this one ${bytes}`
      : isAbsolute(value) && isFit(value) && !value.endsWith('/')
        ? undefined
        : `${show(value)} is not ${PATH}`;
  if (message !== undefined) context.addIssue({ code: 'custom', message, input: value });
});

const address = text(
  'an address of this host and a port, such as 127.0.0.1:5000 or [::1]:5000',
  (value) => parseSocketAddress(value) !== undefined,
);

const MODE = 'the mode of a file in octal and in quotes, such as "0660"';
const socketMode = z
  .string({
    error: ({ input }: Issue) =>
      typeof input === 'number' ? `${input} is a number here: write ${MODE}` : `expected ${MODE}`,
  })
  .refine((value) => /^0?[0-7]{3}$/.test(value), expecting(MODE));

type Account = (what: string) => z.ZodType<string | number, string | number>;

/** Who is the server, and whose its file is. `account` makes leaves of owners. */
export function socketEnd(account: Account) {
  return {
    mode: z.enum(['server', 'client'], expecting('server or client')).default('server'),
    socket_mode: socketMode.default('0660'),
    owner: account('a user').optional(),
    group: account('a group').optional(),
  };
}

/** What both types have. */
function place(account: Account) {
  return { path: path.optional(), address: address.optional(), ...socketEnd(account) };
}

export function streamSocket(account: Account) {
  return {
    type: z.literal('stream'),
    ...place(account),
    framing: z.enum(['qemu', 'bess'], expecting('qemu or bess')).default('qemu'),
    max_guests: integer(`a number of guests (1-${MAX_GUESTS})`, 1, MAX_GUESTS).default(64),
    name_by: z.enum(['number', 'pid', 'uid'], expecting('number, pid or uid')).default('number'),
  };
}

export function dgramSocket(account: Account) {
  return {
    type: z.literal('dgram'),
    ...place(account),
    remote: z.union([path, address], expecting('a path, or an address and a port')).optional(),
    framing: z.enum(['qemu', 'vfkit'], expecting('qemu or vfkit')).default('qemu'),
  };
}
