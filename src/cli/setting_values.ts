// What people write behind an option, as values of the configuration. Ranges are not checked here: the daemon does.

import { InvalidArgumentError } from 'commander';

export type Values = Record<string, unknown>;

export const onOff = (text: string): boolean => {
  if (text === 'on') return true;
  if (text === 'off') return false;
  throw new InvalidArgumentError('Expected on or off.');
};

export const onOffReceive = (text: string): boolean | 'receive' => {
  if (text === 'on' || text === 'off') return text === 'on';
  if (text === 'receive') return text;
  throw new InvalidArgumentError('Expected on, off or receive.');
};

/** Decimal or 0x; fractions pass, for the daemon to judge. */
export const number = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
};

export const word = (text: string): string => text;

/** A user or group, by name or number. */
export const account = (text: string): string | number => (/^\d+$/.test(text) ? Number(text) : text);

/** `a,b` and repetition of the option add up. */
export const list = (text: string, before: unknown): string[] => [
  ...((before as string[] | undefined) ?? []),
  ...text.split(',').filter((item) => item !== ''),
];

/** Of an aggregate: `eth1,eth2`, interfaces that are there. */
export const members = (text: string, before: unknown): Record<string, Values> => ({
  ...(before as Record<string, Values> | undefined),
  ...Object.fromEntries(list(text, []).map((name) => [name, { type: 'af_packet' }])),
});

/** The same, or `none` for an empty list. */
export const listOrNone = (text: string, before: unknown): string[] =>
  text === 'none' ? [] : list(text, before);

/** `10,20,100-199` */
export const vlans = (text: string): (number | string)[] =>
  list(text, []).map((item) => (/^\d+$/.test(item) ? Number(item) : item));

/** `drop=0.1,delay=5`, each key once. */
export function pairsOf(text: string, expected: string): [key: string, value: string][] {
  const pairs = list(text, []).map((pair) => {
    const [key, value, ...rest] = pair.split('=');
    if (value === undefined || rest.length > 0) throw new InvalidArgumentError(`Expected ${expected},...`);
    return [key, value] as [string, string];
  });
  const twice = pairs.find(([key], n) => pairs.findIndex(([other]) => other === key) < n);
  if (twice !== undefined) throw new InvalidArgumentError(`${twice[0]} is there twice.`);
  return pairs;
}

/** `--fault drop=0.1,delay=5` */
export const pairs = (text: string): Values =>
  Object.fromEntries(pairsOf(text, 'KEY=NUMBER').map(([key, value]) => [key, number(value)]));

/** `snooping=on,querier=on,query_interval=60`; the lists in it are the configuration file's. */
export const mixedPairs = (text: string): Values =>
  Object.fromEntries(pairsOf(text, 'KEY=VALUE').map(([key, value]) => [key, mixed(value)]));

function mixed(value: string): boolean | number | string {
  if (value === 'on' || value === 'off') return value === 'on';
  return Number.isNaN(Number(value)) ? value : Number(value);
}

/** `mode=nat,dhcp.lease_time=600`: a dot leads into a mapping. */
export const nestedPairs = (text: string): Values => nested(Object.entries(mixedPairs(text)));

/** Of `shape=1000000` and `limit=65536`, too, the amount stays as it is written. */
const QOS_AMOUNTS = new Set(['shape', 'rate', 'in', 'out', 'peak', 'limit']);

/** `shape=100mbit,fair=on,police.in.rate=50mbit,police.in.burst=1mb` */
export function qosPairs(text: string): Values {
  const isAmount = (path: string) => QOS_AMOUNTS.has(path.slice(path.lastIndexOf('.') + 1));
  return nested(
    pairsOf(text, 'KEY=VALUE').map(([path, value]) => [path, isAmount(path) ? value : mixed(value)]),
  );
}

function nested(pairs: readonly [path: string, value: unknown][]): Values {
  const result: Values = {};
  for (const [path, value] of pairs) {
    const keys = path.split('.');
    const last = keys.pop() as string;
    let at = result;
    for (const key of keys) {
      if (Object.hasOwn(at, key) && typeof at[key] !== 'object')
        throw new InvalidArgumentError(`${key} is a mapping in ${path}, and a value before.`);
      const inner = Object.hasOwn(at, key) ? (at[key] as Values) : {};
      at[key] = inner;
      at = inner;
    }
    if (Object.hasOwn(at, last)) throw new InvalidArgumentError(`${path} is a value, and a mapping before.`);
    at[last] = value;
  }
  return result;
}

/** `users=alice+bob,groups=kvm,template.isolated=on`, or `users=all` */
export function bridgeHelper(text: string): Values {
  const values = nestedPairs(text);
  for (const key of ['users', 'groups']) {
    if (values[key] === undefined || (key === 'users' && values[key] === 'all')) continue;
    values[key] = String(values[key]).split('+').map(account);
  }
  return values;
}

/** Of a bridge: `on`, `off`, `rstp`, `stp`, or `priority=4096,max_age=10`. */
export function bridgeStp(text: string): boolean | Values {
  if (text === 'on' || text === 'off') return text === 'on';
  if (text === 'rstp' || text === 'stp') return { protocol: text };
  if (!text.includes('=')) throw new InvalidArgumentError('Expected on, off, rstp, stp or KEY=VALUE,...');
  return mixedPairs(text);
}

/** Of a port: `cost=100,guard=root+tcn`; `guard=none`. */
export function portStp(text: string): Values {
  const { guard, ...rest } = mixedPairs(text);
  if (guard === undefined) return rest;
  const guards = guard === 'none' || guard === false ? [] : String(guard).split('+');
  return { ...rest, guard: guards.length === 1 ? guards[0] : guards };
}

/** `--storm-control broadcast=100,multicast=1000000bit,action=shutdown` */
export function stormControl(text: string): Values | 'none' {
  if (text === 'none') return text;
  return Object.fromEntries(
    pairsOf(text, 'KIND=RATE').map(([key, value]) => {
      if (key === 'action') return [key, value];
      const isBits = value.endsWith('bit');
      return [key, { [isBits ? 'bits' : 'frames']: number(isBits ? value.slice(0, -3) : value) }];
    }),
  );
}

/** Of a port: `source=strict,ra=on`, `on` as installed, `none`. */
export function guard(text: string): Values | 'none' {
  if (text === 'none' || text === 'off') return 'none';
  return text === 'on' ? {} : mixedPairs(text);
}

export const orInherit = (text: string): number | string => (text === 'inherit' ? text : number(text));
export const vidPairs = (text: string): Record<string, number> =>
  Object.fromEntries(
    text.split(',').map((pair) => {
      const [wire, vlan = ''] = pair.split(':');
      return [wire.trim(), number(vlan)] as const;
    }),
  );
/** `100`, or by the VLANs of the customer: `200:10-20,30,210:40`. */
export function tunnel(text: string, before: unknown): number | Values {
  if (!text.includes(':')) return number(text);
  const tunnels: Record<string, (number | string)[]> = { ...(before as typeof tunnels | undefined) };
  let service = '';
  for (const item of text.split(/[\s,]+/)) {
    const [last = '', ...names] = item.split(':').reverse();
    if (names.length > 0) service = names[0];
    if (service === '' || names.length > 1) throw new InvalidArgumentError('Expected VID or VID:LIST,...');
    tunnels[service] = [...(tunnels[service] ?? []), ...vlans(last)];
  }
  return tunnels;
}

export const orNone = (text: string): number | 'none' => (text === 'none' ? text : number(text));
