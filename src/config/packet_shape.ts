// What rules of security groups and of access lists say of packets in the same words.

import { z } from 'zod';
import { GROUP_PROTOCOLS, parsePortRange } from './group_rule.ts';
import { expecting, integer, text } from './leaves.ts';

export const oneOrMany = <T extends z.ZodType>(one: T, what: string) =>
  z.union([one, z.array(one, expecting(what)).min(1)], expecting(what));

const PROTOCOL = expecting(`${Object.keys(GROUP_PROTOCOLS).join(', ')}, or the number of a protocol (0-255)`);
export const protocol = z.union(
  [
    z.enum(Object.keys(GROUP_PROTOCOLS) as (keyof typeof GROUP_PROTOCOLS)[], PROTOCOL),
    z.int(PROTOCOL).min(0, PROTOCOL).max(255, PROTOCOL),
  ],
  PROTOCOL,
);

const PORTS = 'a port, a range such as 8000-8099, or a list of them';
export const ports = oneOrMany(
  z.union(
    [integer(PORTS, 0, 65_535), text(PORTS, (value) => parsePortRange(value) !== undefined)],
    expecting(PORTS),
  ),
  PORTS,
);
