// What the `taploom` commands do: ask the daemon, print the answer. A change prints nothing when it worked, as `ip`.

import { readFile } from 'node:fs/promises';
import { text as readStream } from 'node:stream/consumers';
import { ControlError } from '../control/client.ts';
import type { Kind } from './bench/command.ts';
import { BRIDGE_COLUMNS, DROP_COLUMNS, LLDP_COLUMNS, MIRROR_COLUMNS, portColumns } from './columns.ts';
import type { Context } from './context.ts';
import { forgotten, here, membersHere } from './here.ts';
import { filterOf, known, ofBridge } from './known.ts';
import { type Choice, chosen } from './list.ts';
import { actionLines, print, printList } from './print.ts';
import {
  bridgeValues,
  mergeUnset,
  mirrorValues,
  newBridgeValues,
  portValues,
  replacing,
} from './setting_patch.ts';
import type { Values } from './setting_values.ts';

export * from './acl_commands.ts';
export { execute } from './execute.ts';
export * from './guard_commands.ts';
export * from './hypervisor_commands.ts';
export * from './multicast_commands.ts';
export * from './nat_commands.ts';
export * from './network_commands.ts';
export * from './policy_commands.ts';
export * from './qos_commands.ts';
export * from './router_commands.ts';
export * from './tenant_commands.ts';

export async function show(context: Context, bridge?: string): Promise<void> {
  const { client, options, terminal, json } = context;
  const [whole, config] = await Promise.all([client.summary(), client.config()]);
  const summary = bridge === undefined ? whole : ofBridge(whole, bridge);
  const columns = portColumns(config);
  const ports = chosen(summary.ports, columns, options as Choice);
  // of bridges without a port that was asked for, nothing
  const isAsked = ({ name }: { name: string }) => ports.some((port) => port.bridge === name);
  const isPart = options.filter !== undefined || options.top !== undefined;
  const wanted = { ...summary, ports, bridges: isPart ? summary.bridges.filter(isAsked) : summary.bridges };
  if (json) return print(context, wanted, String);
  const { summaryText } = await import('./views.ts');
  await printList(context, ports, columns, '', () =>
    wanted.bridges.length === 0 && isPart ? 'no ports\n' : summaryText(wanted, config, terminal.columns),
  );
}

export async function bridgeAdd(context: Context, bridge: string): Promise<void> {
  const config = newBridgeValues(context.options);
  if (config.local !== false) config.local = await here(context.client, config.local as Values | undefined);
  const { results } = await context.client.addBridge(bridge, config);
  if (context.json) print(context, results, String);
}

export async function bridgeSet(context: Context, bridge: string): Promise<void> {
  const patch = mergeUnset(bridgeValues(context.options, true), context.options);
  const { results } = await context.client.setBridge(bridge, patch);
  if (context.json) print(context, results, String);
}

export async function bridgeDelete(context: Context, bridge: string): Promise<void> {
  const { results } = await context.client.deleteBridge(bridge);
  if (context.json) print(context, results, String);
}

export async function bridgeShow(context: Context, bridge: string | undefined): Promise<void> {
  if (bridge === undefined) {
    const { bridges } = await context.client.summary();
    await printList(context, bridges, BRIDGE_COLUMNS, 'no bridges');
  } else {
    const answer = await context.client.bridge(bridge);
    const { bridgeText } = await import('./views.ts');
    print(context, answer, () => bridgeText(answer.status, answer.config));
  }
}

export async function portAdd(context: Context, bridge: string, port: string): Promise<void> {
  const { type } = context.options;
  const values = portValues(context.options, false);
  const isInNetns = ['tap', 'veth', 'tun', 'af_packet'].includes(type as string);
  const own = isInNetns ? forgotten(values, await here(context.client, values)) : values;
  const config = { type, ...(await membersHere(context.client, own)) };
  const { results } = await context.client.addPort(bridge, port, config);
  if (context.json) print(context, results, String);
}

export async function portSet(context: Context, bridge: string, port: string): Promise<void> {
  const before = ((await context.client.port(bridge, port)).config ?? {}) as Values;
  const given = portValues(context.options, true);
  const own = given.netns === undefined ? given : forgotten(given, await here(context.client, given));
  const values = replacing(own, before);
  const patch = mergeUnset(
    await membersHere(context.client, values, before.members as object),
    context.options,
  );
  const { results } = await context.client.setPort(bridge, port, patch);
  if (context.json) print(context, results, String);
}

export async function portDelete(context: Context, bridge: string, port: string): Promise<void> {
  const { results } = await context.client.deletePort(bridge, port);
  if (context.json) print(context, results, String);
}

/** Names of ports are unique in a switch, so no bridge is asked for. */
export async function portEnable(context: Context, ports: readonly string[]): Promise<void> {
  const { client } = context;
  const all = (await client.summary()).ports;
  const wanted = ports.map((name) => {
    const port = all.find((other) => other.name === name);
    if (port === undefined) throw new ControlError('no_such_port', `There is no port ${name}`);
    return port;
  });
  const answers: { port: string; enabled: boolean }[] = [];
  for (const { bridge, name } of wanted)
    answers.push({ port: name, enabled: await client.enablePort(bridge, name) });
  const idle = answers.filter(({ enabled }) => !enabled);
  print(context, answers, () => idle.map(({ port }) => `${port} was not disabled\n`).join(''));
}

export async function portShow(context: Context, bridge?: string, port?: string): Promise<void> {
  const { client, terminal } = context;
  if (bridge !== undefined && port !== undefined) {
    const { portText } = await import('./port_view.ts');
    const [answer, { ports }] = await Promise.all([client.port(bridge, port), client.multicast(bridge)]);
    const multicast = ports.find((other) => other.port === port);
    print(context, answer, () => portText(answer.status, answer.config, multicast));
    return;
  }
  const { portsText } = await import('./views.ts');
  const [summary, config] = await Promise.all([client.summary(), client.config()]);
  if (bridge !== undefined) known(summary, bridge);
  const ports = summary.ports.filter((other) => bridge === undefined || other.bridge === bridge);
  await printList(context, ports, portColumns(config), 'no ports', (rows) =>
    portsText(rows, config, terminal.columns),
  );
}

export async function mirrorAdd(context: Context, bridge: string, mirror: string): Promise<void> {
  const { results } = await context.client.setBridge(bridge, {
    mirrors: { [mirror]: mirrorValues(context.options) },
  });
  if (context.json) print(context, results, String);
}

export async function mirrorDelete(context: Context, bridge: string, mirror: string): Promise<void> {
  const { config } = await context.client.bridge(bridge);
  if (!Object.hasOwn(config.mirrors, mirror)) {
    throw new ControlError('no_such_mirror', `Bridge ${bridge} has no mirror ${mirror}`);
  }
  const { results } = await context.client.setBridge(bridge, { mirrors: { [mirror]: null } });
  if (context.json) print(context, results, String);
}

export async function mirrorShow(context: Context, bridge?: string): Promise<void> {
  const { bridges } = await context.client.config();
  const wanted = Object.entries(bridges).filter(([name]) => bridge === undefined || name === bridge);
  if (bridge !== undefined && wanted.length === 0) known(await context.client.summary(), bridge);
  const mirrors = wanted.flatMap(([name, { mirrors }]) =>
    Object.entries(mirrors).map(([mirror, config]) => ({ bridge: name, name: mirror, ...config })),
  );
  await printList(context, mirrors, MIRROR_COLUMNS, 'no mirrors');
}

export async function fdbShow(context: Context, bridge?: string): Promise<void> {
  const { showFdb } = await import('./fdb.ts');
  await showFdb(context, bridge);
}

export async function fdbAdd(context: Context, bridge: string, mac: string, port: string): Promise<void> {
  const { vlan, remote } = context.options as { vlan?: number; remote?: string };
  const { results } = await context.client.putStatic({ bridge, mac, port, vlan, remote });
  if (context.json) print(context, results, String);
}

export async function fdbDelete(context: Context, bridge: string, mac: string): Promise<void> {
  const { vlan } = context.options as { vlan?: number };
  const { results } = await context.client.deleteStatic({ bridge, mac, vlan });
  if (context.json) print(context, results, String);
}

export async function fdbFlush(context: Context, bridge?: string): Promise<void> {
  const flushed = await context.client.flush(filterOf(context.options, bridge));
  print(context, { flushed }, () => `${flushed} ${flushed === 1 ? 'entry' : 'entries'} forgotten\n`);
}

export async function capture(context: Context, bridge?: string, port?: string): Promise<void> {
  const { runCapture } = await import('./capture/run.ts');
  await runCapture(context, bridge, port);
}

async function lastDrops(context: Context, bridge?: string): Promise<void> {
  const summary = bridge === undefined ? undefined : await context.client.summary();
  if (summary !== undefined) known(summary, bridge as string);
  const own = summary?.ports.filter((port) => port.bridge === bridge).map(({ name }) => name);
  const drops = await context.client.lastDrops();
  const wanted = drops.filter(({ port }) => own === undefined || own.includes(port));
  const { lastDropsText } = await import('./capture/last_drops_text.ts');
  print(context, wanted, () => lastDropsText(wanted));
}

export async function drops(context: Context, bridge?: string): Promise<void> {
  if (context.options.last === true) return lastDrops(context, bridge);
  const rows = await context.client.drops();
  const wanted = bridge === undefined ? rows : rows.filter((row) => row.bridge === bridge);
  if (wanted.length === 0 && bridge !== undefined) known(await context.client.summary(), bridge);
  await printList(context, wanted, DROP_COLUMNS, 'nothing was dropped');
}

export async function lldp(context: Context, bridge?: string, port?: string): Promise<void> {
  const answer = await context.client.lldp(bridge, port);
  const { noNeighbors, lldpPortText } = await import('./lldp_view.ts');
  const neighbors = chosen(answer.neighbors, LLDP_COLUMNS, context.options as Choice);
  if (context.json) return print(context, { ...answer, neighbors }, String);
  await printList(
    context,
    neighbors,
    LLDP_COLUMNS,
    noNeighbors(answer.ports),
    port === undefined ? undefined : () => lldpPortText({ ...answer, neighbors }),
  );
}

export async function events(context: Context): Promise<void> {
  const { showEvents } = await import('./events.ts');
  await showEvents(context);
}

export async function stats(context: Context, bridge?: string): Promise<void> {
  const { showStats } = await import('./stats.ts');
  if (bridge !== undefined) known(await context.client.summary(), bridge);
  await showStats(context, bridge);
}

export async function top(context: Context, bridge?: string): Promise<void> {
  const { runTop } = await import('./top/run.ts');
  if (bridge !== undefined) known(await context.client.summary(), bridge);
  await runTop(context, bridge);
}

export async function apply(context: Context, file: string): Promise<void> {
  const { config: wanted, lines } = await readConfig(file);
  if (context.options.dryRun) {
    const plan = await context.client.plan(wanted);
    print(context, plan, () => (plan.length === 0 ? 'nothing to do\n' : actionLines(plan)));
  } else {
    const results = await context.client.apply(wanted, file === '-' ? undefined : lines);
    print(context, results, () => (results.length === 0 ? 'nothing to do\n' : actionLines(results)));
  }
}

async function readConfig(file: string) {
  let content: string;
  try {
    content = file === '-' ? await readStream(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new ControlError('file_unreadable', `Cannot read ${file}: ${(error as Error).message}`);
  }
  const { loadConfigWithLines } = await import('../config/yaml.ts');
  return loadConfigWithLines(content, file === '-' ? 'standard input' : file);
}

export async function exportConfig(context: Context): Promise<void> {
  const config = await context.client.config();
  const { formatConfig } = await import('../config/yaml.ts');
  print(context, config, () => formatConfig(config));
}

export async function importConfig(context: Context, bridge?: string): Promise<void> {
  const { runImport } = await import('./import/run.ts');
  await runImport(context, bridge);
}

export async function trace(context: Context, bridge: string): Promise<void> {
  const { runTrace } = await import('./trace/run.ts');
  await runTrace(context, bridge);
}

export async function bench(context: Context, kind: Kind, ports: readonly string[]): Promise<void> {
  const { runBench } = await import('./bench/run.ts');
  await runBench(context, kind, ports);
}

export async function fakeGuest(context: Context): Promise<void> {
  const { runFakeGuest } = await import('./fake_guest/run.ts');
  await runFakeGuest(context);
}

/** A shell waits for this with the terminal's input, so a switch that does not answer has no names. */
const NAMES_MS = 1000;

/** For completion: one name a line. Names that a terminal would take for commands are left out. */
export async function names(context: Context, kind: string, bridge?: string): Promise<void> {
  const patience = setTimeout(() => process.exit(1), NAMES_MS);
  const { bridges, ports } = await context.client.summary();
  clearTimeout(patience);
  // the bridge's own interface can be neither changed nor deleted as a port
  const ofBridge = ports.filter(
    (port) => port.type !== 'local' && (bridge === undefined || port.bridge === bridge),
  );
  const wanted = kind === 'bridges' ? bridges : ofBridge;
  const printable = new Set(wanted.map(({ name }) => name).filter((name) => !/\p{Cc}/u.test(name)));
  print(context, [...printable], () => [...printable].map((name) => `${name}\n`).join(''));
}
