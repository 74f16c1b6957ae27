// Options that were given, as what the daemon is asked for: settings of something new, or a merge patch for what is there.

import { Option } from 'commander';
import type { Values } from './setting_values.ts';
import { BRIDGE_KEYS, LOCAL_KEYS, MIRROR_KEYS, MIRROR_TO, PORT_SETTINGS, type Setting } from './settings.ts';

/** Keys that were given, in the configuration's words. VLAN keys go into `vlan`; with `replace` they push others out. */
export function portValues(options: Values, replace: boolean): Values {
  const own = withAcls(pick(options, PORT_SETTINGS), replace);
  return withVlan(withTunnel(withGuard(withStorm(own, replace), replace), replace), replace);
}

export function bridgeValues(options: Values, replace: boolean): Values {
  const { local, ...own } = withAcls(withStp(pick(options, BRIDGE_KEYS), replace), replace);
  const inner = withVlan(pick(options, LOCAL_KEYS), replace);
  if (local === false) return { ...own, local: false };
  if (Object.keys(inner).length > 0 || local === true) return { ...own, local: inner };
  return own;
}

/** Of a bridge that is made by hand: unless told otherwise its interface stays, with the addresses that it is given by hand. */
export function newBridgeValues(options: Values): Values {
  const { local, ...own } = bridgeValues(options, false);
  return local === false ? { ...own, local } : { ...own, local: { persist: true, ...(local as Values) } };
}

/** A merge patch that makes a mirror of what was given, and of nothing that was there before. */
export function mirrorValues(options: Values): Values {
  const { port, remote, vlan } = pick(options, MIRROR_TO);
  const isOnlyPort = port !== undefined && remote === undefined && vlan === undefined;
  const none = Object.fromEntries(MIRROR_KEYS.map(({ key }) => [key, null]));
  return {
    ...none,
    ...pick(options, MIRROR_KEYS),
    to: isOnlyPort ? port : { port: port ?? null, remote: remote ?? null, vlan: vlan ?? null },
  };
}

/** Keys that were given, in the configuration's words. */
export function pick(options: Values, settings: readonly Setting[]): Values {
  const values: Values = {};
  for (const { flags, key } of settings) {
    const value = options[new Option(flags).attributeName()];
    if (value !== undefined) values[key] = value;
  }
  return values;
}

const NO_STORM = { broadcast: null, multicast: null, unknown_unicast: null, action: null };

/** What is set takes the place of all that was before. */
function withStorm({ storm_control: storm, ...rest }: Values, replace: boolean): Values {
  if (storm === undefined || (storm === 'none' && !replace)) return rest;
  if (storm === 'none') return { ...rest, storm_control: null };
  const rates = storm as Values;
  if (!replace) return { ...rest, storm_control: rates };
  const whole = Object.entries(rates).map(([kind, rate]) => [
    kind,
    kind === 'action' ? rate : { frames: null, bits: null, ...(rate as Values) },
  ]);
  return { ...rest, storm_control: { ...NO_STORM, ...Object.fromEntries(whole) } };
}

/** Of a guard that is there other settings stay. */
function withGuard({ guard, ...rest }: Values, replace: boolean): Values {
  if (guard === undefined || (guard === 'none' && !replace)) return rest;
  return { ...rest, guard: guard === 'none' ? null : guard };
}

function withAcls({ acls, ...rest }: Values, replace: boolean): Values {
  if (acls === undefined || (acls === 'none' && !replace)) return rest;
  return { ...rest, acls: acls === 'none' ? null : acls };
}

const NO_TUNNEL = {
  tunnel_protocols: null,
  tunnel_protocols_limit: null,
  tunnel_protocols_action: null,
};

/** Without protocols nothing else is to say of them. */
function withTunnel({ tunnel_protocols: protocols, ...rest }: Values, replace: boolean): Values {
  if (protocols === undefined) return rest;
  if ((protocols as string[]).length > 0) return { ...rest, tunnel_protocols: protocols };
  return replace ? { ...rest, ...NO_TUNNEL } : rest;
}

/** Of a bridge that is there its priority and times stay while the protocol comes and goes. */
function withStp({ stp, ...rest }: Values, replace: boolean): Values {
  if (stp === undefined) return rest;
  return { ...rest, stp: replace && typeof stp === 'boolean' ? { protocol: stp ? 'rstp' : 'off' } : stp };
}

/** A merge patch for a port where mappings of names and numbers take the place of those that were `before`. */
export function replacing(patch: Values, before: Values): Values {
  const { vlan, members } = patch;
  return {
    ...patch,
    ...(isMapping(members) && { members: replaced(members, before.members) }),
    ...(isMapping(vlan) && { vlan: replacingVlans(vlan, before.vlan) }),
  };
}

function replacingVlans(vlan: Values, before: unknown): Values {
  const old = isMapping(before) ? before : {};
  const { tunnel, translate } = vlan;
  return {
    ...vlan,
    ...(isMapping(tunnel) && { tunnel: replaced(tunnel, old.tunnel) }),
    ...(isMapping(translate) && { translate: replaced(translate, old.translate) }),
  };
}

function replaced(wanted: Values, before: unknown): Values {
  const old = isMapping(before) ? Object.keys(before) : [];
  return { ...Object.fromEntries(old.map((key) => [key, null])), ...wanted };
}

function isMapping(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const NO_TRUNK = { trunk: null, native: null, protocol: null, translate: null, promiscuous: null };

function withVlan(
  { access, trunk, native, tunnel, protocol, translate, promiscuous, ...rest }: Values,
  replace: boolean,
): Values {
  const vlan: Values = {};
  if (access !== undefined) Object.assign(vlan, replace && { ...NO_TRUNK, tunnel: null }, { access });
  if (tunnel !== undefined) Object.assign(vlan, replace && { ...NO_TRUNK, access: null }, { tunnel });
  if (trunk !== undefined) Object.assign(vlan, replace && { access: null, tunnel: null }, { trunk });
  if (protocol !== undefined) vlan.protocol = protocol;
  if (translate !== undefined) vlan.translate = translate;
  if (promiscuous !== undefined) vlan.promiscuous = promiscuous;
  // commander turns null into an empty text, so null is made here
  if (native !== undefined) vlan.native = native === 'none' ? null : native;
  return Object.keys(vlan).length > 0 ? { ...rest, vlan } : rest;
}

/** A merge patch that also has what `--unset mtu,stp.cost` says. */
export function mergeUnset(patch: Values, { unset }: Values): Values {
  const paths = typeof unset === 'string' ? unset.split(',').filter((path) => path !== '') : [];
  for (const path of paths) {
    const keys = path.split('.');
    const last = keys.pop() as string;
    let inner = patch;
    for (const key of keys) inner = inner[key] = { ...(inner[key] as Values | undefined) };
    inner[last] = null;
  }
  return patch;
}
