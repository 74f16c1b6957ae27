// What each brctl command does with the switch, and the words in which bridge-utils would report it.

import type { FdbEntry } from '../../api.ts';
import type { ControlClient, SwitchSummary } from '../../control/client.ts';
import { interfaceExists } from '../../control/interfaces.ts';
import { TaploomError } from '../../error.ts';

export interface Output {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

/** A failure in bridge-utils' words; empty if it was printed on the way. */
export class BrctlFailure extends TaploomError {
  constructor(message: string) {
    super('brctl', message);
  }
}

type Run = (client: ControlClient, args: string[], output: Output) => Promise<void>;

const SPANNING_TREE = 'spanning tree comes with a later step of Taploom';

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
  setbridgeprio: later('set bridge priority failed'),
  setfd: later('set forward delay failed'),
  sethello: later('set hello timer failed'),
  setmaxage: later('set max age failed'),
  setpathcost: later('set path cost failed'),
  setportprio: later('set port priority failed'),
  showstp: later("can't get port info"),
};

/** Parameters of the spanning tree protocol. To accept and ignore them would leave a loop that nobody expects. */
function later(what: string): Run {
  return async (client, [bridge]) => {
    const { bridges } = await client.summary();
    if (!has(bridges, bridge)) throw new BrctlFailure(`${what}: No such device`);
    throw new BrctlFailure(`${what}: ${SPANNING_TREE}`);
  };
}

async function addbr(client: ControlClient, [bridge]: string[]): Promise<void> {
  const { bridges, ports } = await client.summary();
  if (has(bridges, bridge) || has(ports, bridge)) {
    throw new BrctlFailure(`device ${bridge} already exists; can't create bridge with the same name`);
  }
  const what = 'add bridge failed';
  try {
    // As a kernel bridge: its addresses and routes are still there when the daemon was started anew.
    await client.addBridge(bridge, { vlan_filtering: false, local: { persist: true } });
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
 * An interface that exists is attached as it is, a TAP that a virtual machine holds or will open, too. As on Linux, the
 * port is forgotten when its interface is deleted.
 */
async function addOrAttach(client: ControlClient, bridge: string, name: string): Promise<void> {
  try {
    await client.addPort(bridge, name, { type: 'tap', when_deleted: 'forget' }, { fresh: true });
  } catch (error) {
    if (codeOf(error) !== 'interface_exists') throw error;
    await client.addPort(bridge, name, { type: 'af_packet', when_deleted: 'forget' });
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
  if (on) throw new BrctlFailure(`set stp status failed: ${SPANNING_TREE}`);
}

async function show(client: ControlClient, names: string[], { out, error }: Output): Promise<void> {
  const { bridges, ports } = await client.summary();
  const wanted = names.length > 0 ? names : bridges.map(({ name }) => name).sort();
  let failed = false;
  let headed = false;
  for (const name of wanted) {
    const bridge = bridges.find((other) => other.name === name);
    if (bridge === undefined) {
      const known = has(ports, name) || interfaceExists(name);
      error(known ? `device ${name} is not a bridge!\n` : `bridge ${name} does not exist!\n`);
      failed = true;
      continue;
    }
    // no bridge, no head
    if (!headed) out('bridge name\tbridge id\t\tSTP enabled\tinterfaces\n');
    headed = true;
    const members = ports
      .filter((port) => port.bridge === name && port.type !== 'local')
      .map((port) => port.name)
      .sort();
    const id = `8000.${bridge.mac.replaceAll(':', '')}`;
    out(`${name}\t\t${id}\tno\t\t${members.join('\n\t\t\t\t\t\t\t')}\n`);
  }
  if (failed) throw new BrctlFailure('');
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

/** `%4i.%.2i`: hundredths, cut off. */
function timer(seconds: number): string {
  const hundredths = Math.floor(seconds * 100);
  const fraction = String(hundredths % 100).padStart(2, '0');
  return `${String(Math.floor(hundredths / 100)).padStart(4)}.${fraction}`;
}

function onOff(text: string): boolean {
  if (['on', 'yes', '1'].includes(text)) return true;
  if (['off', 'no', '0'].includes(text)) return false;
  throw new BrctlFailure('expect on/off for argument');
}

function has(things: readonly { name: string }[], name: string): boolean {
  return things.some((thing) => thing.name === name);
}

function isPort({ ports }: SwitchSummary, bridge: string, name: string): boolean {
  return ports.some((port) => port.bridge === bridge && port.name === name && port.type !== 'local');
}

function requireInterface({ bridges, ports }: SwitchSummary, name: string): void {
  if (!has(ports, name) && !has(bridges, name) && !interfaceExists(name)) {
    throw new BrctlFailure(`interface ${name} does not exist!`);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof TaploomError ? error.code : undefined;
}

/** `what: reason`, with the kernel's words for the kernel's errors. Without a daemon there is only one thing to say. */
function failure(what: string, error: unknown): unknown {
  if (!(error instanceof TaploomError)) return error;
  const { status } = error as TaploomError & { status?: number };
  if (status === 0) return error;
  if (error.code === 'no_such_bridge') return new BrctlFailure(`${what}: No such device`);
  if (error.code === 'invalid_config') return new BrctlFailure(`${what}: ${firstProblem(error)}`);
  return new BrctlFailure(`${what}: ${error.message}`);
}

function firstProblem(error: TaploomError): string {
  const { problems } = error as TaploomError & { problems?: { message: string }[] };
  return problems?.[0]?.message ?? error.message;
}
