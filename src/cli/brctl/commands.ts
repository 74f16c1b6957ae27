// What each brctl command does with the switch, and the words in which bridge-utils would report it.

import type { FdbEntry, PortStatus } from '../../api.ts';
import { bridgeStp, isStpOn } from '../../config/stp.ts';
import type { ControlClient, SwitchSummary } from '../../control/client.ts';
import { interfaceExists } from '../../control/interfaces.ts';
import {
  BrctlFailure,
  codeOf,
  failure,
  has,
  type Interfaces,
  isInterface,
  type Output,
  type Run,
} from './failure.ts';
import { bridgeId, timer } from './numbers.ts';
import { showstpText } from './showstp.ts';
import { change, setbridgeprio, setfd, sethello, setmaxage, setpathcost, setportprio } from './stp.ts';

export const COMMANDS: Record<string, Run> = {
  addbr,
  delbr,
  addif,
  delif,
  hairpin,
  setageing,
  show,
  showmacs,
  stp,
  setbridgeprio,
  setfd,
  sethello,
  setmaxage,
  setpathcost,
  setportprio,
  showstp,
};

async function addbr(client: ControlClient, [bridge]: string[]): Promise<void> {
  const { bridges, ports } = await client.summary();
  if (has(bridges, bridge) || has(ports, bridge)) {
    throw new BrctlFailure(`device ${bridge} already exists; can't create bridge with the same name`);
  }
  const what = 'add bridge failed';
  try {
    const netns = await client.netns();
    // As a kernel bridge: its addresses and routes are still there when the daemon was started anew.
    const local = { persist: true, ...(netns !== undefined && { netns }) };
    await client.addBridge(bridge, { vlan_filtering: false, local });
  } catch (error) {
    if (codeOf(error) === 'invalid_config') throw new BrctlFailure(`${what}: Invalid argument`);
    throw failure(what, error);
  }
}

/** Also while the interface is up, where the kernel says no: scripts that set it down first work just as well. */
async function delbr(client: ControlClient, [bridge]: string[]): Promise<void> {
  try {
    await client.deleteBridge(bridge);
  } catch (error) {
    if (codeOf(error) !== 'no_such_bridge') throw failure(`can't delete bridge ${bridge}`, error);
    if (has((await client.summary()).ports, bridge)) {
      throw new BrctlFailure(`can't delete bridge ${bridge}: Operation not permitted`);
    }
    throw new BrctlFailure(`bridge ${bridge} doesn't exist; can't delete it`);
  }
}

/** Several interfaces are taken one after the other, up to the first that fails. */
async function addif(client: ControlClient, [bridge, ...names]: string[]): Promise<void> {
  for (const name of names) {
    const summary = await client.summary();
    if (!has(summary.bridges, bridge)) throw new BrctlFailure(`bridge ${bridge} does not exist!`);
    if (has(summary.bridges, name)) throw isBridge(name);
    if (has(summary.ports, name)) throw alreadyMember(name, bridge);
    try {
      await addOrAttach(client, bridge, name);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'port_exists' || code === 'interface_enslaved') throw alreadyMember(name, bridge);
      if (code === 'kernel_bridge') throw isBridge(name);
      if (code === 'not_ethernet')
        throw new BrctlFailure(`can't add ${name} to bridge ${bridge}: Invalid argument`);
      throw failure(`can't add ${name} to bridge ${bridge}`, error);
    }
  }
}

function alreadyMember(name: string, bridge: string): BrctlFailure {
  return new BrctlFailure(
    `device ${name} is already a member of a bridge; can't add it to bridge ${bridge}.`,
  );
}

/**
 * An interface that exists where we are is attached as it is, a TAP that a virtual machine holds or will open, too. As on
 * Linux, the port is forgotten when its interface is deleted.
 */
async function addOrAttach(client: ControlClient, bridge: string, name: string): Promise<void> {
  const netns = await client.netns();
  const settings = { when_deleted: 'forget', ...(netns !== undefined && { netns }) };
  const attach = () => client.addPort(bridge, name, { type: 'af_packet', ...settings });
  if (interfaceExists(name)) {
    await attach();
    return;
  }
  try {
    await client.addPort(bridge, name, { type: 'tap', ...settings }, { fresh: true });
  } catch (error) {
    if (codeOf(error) !== 'interface_exists') throw error;
    await attach();
  }
}

function isBridge(name: string): BrctlFailure {
  return new BrctlFailure(
    `device ${name} is a bridge device itself; can't add a bridge device to a bridge device.`,
  );
}

async function delif(client: ControlClient, [bridge, ...names]: string[]): Promise<void> {
  for (const name of names) {
    const summary = await client.summary();
    requireInterface(summary, name);
    if (!has(summary.bridges, bridge)) throw new BrctlFailure(`bridge ${bridge} does not exist!`);
    if (!isPort(summary, bridge, name)) throw new BrctlFailure(`device ${name} is not a port of ${bridge}`);
    try {
      await client.deletePort(bridge, name);
    } catch (error) {
      throw failure(`can't delete ${name} from ${bridge}`, error);
    }
  }
}

async function hairpin(client: ControlClient, [bridge, name, state]: string[]): Promise<void> {
  const on = onOff(state);
  const summary = await client.summary();
  requireInterface(summary, name);
  if (!has(summary.bridges, bridge)) throw new BrctlFailure(`bridge ${bridge} does not exist!`);
  const what = `can't set ${name} to hairpin on bridge ${bridge}`;
  if (!isPort(summary, bridge, name)) throw new BrctlFailure(`${what}: No such file or directory`);
  try {
    await client.setPort(bridge, name, { hairpin: on });
  } catch (error) {
    throw failure(what, error);
  }
}

async function setageing(client: ControlClient, [bridge, time]: string[]): Promise<void> {
  // as strtod: what follows the number does not matter
  const seconds = Number.parseFloat(time);
  if (Number.isNaN(seconds)) throw new BrctlFailure('bad ageing time value');
  try {
    await client.setBridge(bridge, { ageing_time: seconds });
  } catch (error) {
    throw failure('set ageing time failed', error);
  }
}

async function stp(client: ControlClient, [bridge, state]: string[]): Promise<void> {
  const on = onOff(state);
  if (!has((await client.summary()).bridges, bridge)) {
    throw new BrctlFailure('set stp status failed: No such device');
  }
  const { config } = await client.bridge(bridge);
  const { forward_delay, ...rest } = bridgeStp(config);
  if (isStpOn(config) === on) return;
  // As br_stp_start(): a delay that is out of range comes into it.
  const delay = on ? Math.min(30, Math.max(2, forward_delay)) : forward_delay;
  const stp = { ...rest, protocol: on ? ('stp' as const) : ('off' as const), forward_delay: delay };
  await change('set stp status failed', () => client.setBridge(bridge, { stp }));
}

async function show(client: ControlClient, names: string[], { out, error }: Output): Promise<void> {
  const { bridges, ports } = await client.summary();
  const config = await client.config();
  const wanted = names.length > 0 ? names : bridges.map(({ name }) => name).sort();
  let failed = false;
  let headed = false;
  for (const name of wanted) {
    const bridge = bridges.find((other) => other.name === name);
    if (bridge === undefined) {
      error(`${notBridge({ ports, bridges }, name)}\n`);
      failed = true;
      continue;
    }
    // no bridge, no head
    if (!headed) out('bridge name\tbridge id\t\tSTP enabled\tinterfaces\n');
    headed = true;
    const members = portsOf(ports, name).map((port) => port.name);
    const settings = config.bridges[name];
    const id = bridgeId(bridgeStp(settings ?? { stp: false }).priority, bridge.mac);
    const state = settings !== undefined && isStpOn(settings) ? 'yes' : 'no';
    out(`${name}\t\t${id}\t${state}\t\t${members.join('\n\t\t\t\t\t\t\t')}\n`);
  }
  if (failed) throw new BrctlFailure('');
}

async function showstp(client: ControlClient, [bridge]: string[], { out }: Output): Promise<void> {
  const summary = await client.summary();
  if (!has(summary.bridges, bridge)) throw new BrctlFailure(notBridge(summary, bridge));
  const { status, config } = await client.bridge(bridge);
  const ports = portsOf(summary.ports, bridge).filter(({ name }) => Object.hasOwn(config.ports, name));
  out(showstpText(status, config, ports));
}

function notBridge(summary: Interfaces, name: string): string {
  return isInterface(summary, name) ? `device ${name} is not a bridge!` : `bridge ${name} does not exist!`;
}

/** Without the bridge's own interface and members of aggregates, by name. */
function portsOf(ports: readonly PortStatus[], bridge: string): PortStatus[] {
  return ports
    .filter((port) => port.bridge === bridge && port.type !== 'local' && port.memberOf === undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function showmacs(client: ControlClient, [bridge]: string[], { out }: Output): Promise<void> {
  const { bridges, ports } = await client.summary();
  if (!has(bridges, bridge)) {
    const reason = has(ports, bridge) ? 'Operation not supported' : 'No such device';
    throw new BrctlFailure(`read of forward table failed: ${reason}`);
  }
  const numbers = new Map(
    ports.filter((port) => port.bridge === bridge).map(({ name, number }) => [name, number]),
  );
  const entries: FdbEntry[] = [];
  for await (const page of client.fdb({ bridge }, 10_000)) entries.push(...page);
  // lower-case hexadecimal sorts as the bytes do
  entries.sort((a, b) => (a.mac < b.mac ? -1 : a.mac > b.mac ? 1 : 0));
  out('port no\tmac addr\t\tis local?\tageing timer\n');
  for (const { mac, port, type, age } of entries) {
    const number = String(numbers.get(port) ?? 0).padStart(3);
    out(`${number}\t${mac}\t${type === 'local' ? 'yes' : 'no'}\t\t${timer(age)}\n`);
  }
}

function onOff(text: string): boolean {
  if (['on', 'yes', '1'].includes(text)) return true;
  if (['off', 'no', '0'].includes(text)) return false;
  throw new BrctlFailure('expect on/off for argument');
}

function isPort({ ports }: SwitchSummary, bridge: string, name: string): boolean {
  return ports.some((port) => port.bridge === bridge && port.name === name && port.type !== 'local');
}

function requireInterface(summary: Interfaces, name: string): void {
  if (!isInterface(summary, name)) throw new BrctlFailure(`interface ${name} does not exist!`);
}
