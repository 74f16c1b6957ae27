// The shape of a port's quality of service: see docs/qos.md. Rates, sizes and times stay as they are written.

import { z } from 'zod';
import { MAX_RULE_MARK } from '../frame/row.ts';
import { DSCP_MAPS } from '../wire/dscp.ts';
import { PRIORITY_CODINGS } from '../wire/priority_code.ts';
import { parseRate, parseSize, parseTime, type Rate } from './amounts.ts';
import { boolean, expecting, integer, mapping, number, refused, text } from './leaves.ts';
import { parseRange } from './range.ts';

// IEEE 802.1Q has eight traffic classes.
const MAX_CLASSES = 8;
const MIN_BITS = 8000;
const MAX_BITS = 400e9;

const isBits = (rate: Rate | undefined) =>
  rate?.unit === 'bits' && rate.amount >= MIN_BITS && rate.amount <= MAX_BITS;
const isFrames = (rate: Rate | undefined) =>
  rate?.unit === 'frames' && rate.amount >= 1 && rate.amount <= 1e9;

const rate = text('a rate (8kbit-400gbit), such as 100mbit', (value) => isBits(parseRate(value)));
export const policeRate = text('a rate (8kbit-400gbit, or 1pps-1000mpps), such as 50mbit', (value) => {
  const parsed = parseRate(value);
  return isBits(parsed) || isFrames(parsed);
});
const isBetween = (value: number | undefined, min: number, max: number) =>
  value !== undefined && value >= min && value <= max;
const size = text('a number of bytes (1-64mb), such as 64kb', (value) =>
  isBetween(parseSize(value), 1, 2 ** 26),
);
const time = text('a time (1us-10s), such as 50ms', (value) => isBetween(parseTime(value), 1e-3, 10_000));
const sizeOrTime = text('a time (1us-10s) or a number of bytes (1-64mb), such as 50ms or 64kb', (value) => {
  return isBetween(parseTime(value), 1e-3, 10_000) || isBetween(parseSize(value), 1, 2 ** 26);
});

const list = (what: string, max: number) => {
  const one = integer(`${what} (0-${max})`, 0, max);
  return z.union([one, z.array(one).min(1)], expecting(`${what} (0-${max}), or a list of these`));
};

const VLAN = expecting('a VLAN id (1-4094), a range such as 100-199, or a list of these');
const oneVlan = z.union([
  z.int().min(1).max(4094),
  z.string().refine((value) => {
    const range = parseRange(value);
    return range !== undefined && range.from >= 1 && range.from <= range.to && range.to <= 4094;
  }),
]);
const match = mapping({
  mark: list('a mark of a rule', MAX_RULE_MARK).optional(),
  group: z
    .union(
      [text('the name of a group', (value) => value !== ''), z.array(z.string()).min(1)],
      expecting('the name of a group, or a list of these'),
    )
    .optional(),
  pcp: list('a priority of 802.1Q', 7).optional(),
  dscp: list('a DSCP', 63).optional(),
  vlan: z.union([oneVlan, z.array(oneVlan).min(1)], VLAN).optional(),
}).refine(({ pcp, dscp, vlan, mark, group }) => (pcp ?? dscp ?? vlan ?? mark ?? group) !== undefined, {
  error: 'expected pcp, dscp, vlan, group or mark; a class without match takes what no other does',
});

const fair = z.union([boolean(), z.literal('ports')], expecting('true, false or ports'));

const queueClass = mapping({
  name: text('a name of letters, digits, - and _', (value) => /^[\w-]{1,32}$/.test(value)),
  match: match.optional(),
  priority: integer('a priority (0-7)', 0, 7).optional(),
  weight: number('a weight (0.01-1000)', 0.01, 1000).optional(),
  min: rate.optional(),
  max: rate.optional(),
  limit: sizeOrTime.optional(),
  fair: fair.default(false),
});

const shaper = mapping({
  rate,
  burst: time.optional(),
  overhead: integer('a number of bytes (0-256)', 0, 256).default(0),
});

const POLICER = expecting(
  'a rate such as 50mbit, a mapping with a rate, or a list of such mappings with a match',
);
export const policer = mapping({
  rate: policeRate,
  burst: z.union([size, integer('a number of frames (1-1000000)', 1, 1_000_000)]).optional(),
  peak: policeRate.optional(),
  peak_burst: z.union([size, integer('a number of frames (1-1000000)', 1, 1_000_000)]).optional(),
  exceed: z.enum(['pass', 'dei', 'drop'], expecting('pass, dei or drop')).default('pass'),
});
const policerOfSome = policer.extend({ match: match.optional() });
const oneOrSome = z.union(
  [
    policeRate,
    policer,
    z
      .array(policerOfSome)
      .min(1)
      .max(MAX_CLASSES, { error: `at most ${MAX_CLASSES} policers stand in a list` }),
  ],
  POLICER,
);
const police = mapping({ in: oneOrSome.optional(), out: oneOrSome.optional() });

const PRIORITY = 'a priority (0-7)';
/** By priority. */
const byPriority = (what: string, max: number, text_: string) =>
  z.record(
    text(PRIORITY, (value) => /^[0-7]$/.test(value)),
    integer(`${what} (0-${max})`, 0, max),
    expecting(text_),
  );
const dscpPriorities = z.record(
  text('a DSCP (0-63)', (value) => /^(\d|[1-5]\d|6[0-3])$/.test(value)),
  integer(PRIORITY, 0, 7),
  expecting('a mapping of DSCPs to priorities'),
);
const DSCP_MAP = expecting(`${DSCP_MAPS.join(', ')}, or a mapping of DSCPs to priorities`);
const REWRITTEN_DSCP = 'class_selector, or a mapping of priorities to DSCPs';
const rewrite = mapping({
  pcp: byPriority('a priority of 802.1Q', 7, 'a mapping of priorities to those of the tag').optional(),
  dei: boolean().default(true),
  dscp: z
    .union([z.literal('class_selector'), byPriority('a DSCP', 63, REWRITTEN_DSCP)], expecting(REWRITTEN_DSCP))
    .optional(),
});

export const qos = mapping({
  trust: z.enum(['pcp', 'dscp', 'none'], expecting('pcp, dscp or none')).optional(),
  priority: integer(PRIORITY, 0, 7).optional(),
  pcp_coding: z.enum(PRIORITY_CODINGS, expecting(PRIORITY_CODINGS.join(', '))).optional(),
  dscp_map: z.union([z.enum(DSCP_MAPS), dscpPriorities], DSCP_MAP).optional(),
  rewrite: rewrite.optional(),
  shape: z.union([rate, shaper], expecting('a rate such as 100mbit, or a mapping with a rate')).optional(),
  limit: sizeOrTime.optional(),
  fair: fair.optional(),
  classes: z
    .array(queueClass, expecting('a list of classes'))
    .min(1)
    .max(MAX_CLASSES, { error: `a port has at most ${MAX_CLASSES} classes` })
    .optional(),
  when_full: z.enum(['share', 'drop'], expecting('share or drop')).optional(),
  police: police.optional(),
});

/** Who has none. */
export const qosOfAggregate = refused(
  'an aggregate has no queues of its own: shape its members, and police other ports',
);
export const qosOfLocal = refused(
  'the interface of a bridge leads to this host, which has tc: shape and police ports',
);

export type QosConfig = z.output<typeof qos>;
export type QosClass = z.output<typeof queueClass>;
export type QosMatch = z.output<typeof match>;
export type PolicerConfig = z.output<typeof policer>;
export type MatchedPolicerConfig = z.output<typeof policerOfSome>;
