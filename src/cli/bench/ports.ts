// The ports of a measurement, in the three ways that a user can name them, with what each lets us know and do:
//
//   ports of the running Taploom    its counters, its FDB
//   a bridge of its own in it       the same; made before, removed afterwards
//   interfaces                      only what the kernel counts; the other end may be any switch

import { setTimeout as sleep } from 'node:timers/promises';
import type { BridgeStatus, PortStatus } from '../../api.ts';
import { type ControlClient, ControlError } from '../../control/client.ts';
import { interfaceMac, TestPort, type TestPortName } from '../../tester/test_port.ts';
import { TesterError } from '../../tester/tester_error.ts';

/** For entries that a switch with a coarse timer removes late. */
const AGEING_MARGIN = 1.1;
const AGEING_MARGIN_MS = 500;

/** What Taploom was told to forget takes up places until the sweeper has come around (SWEEP_PERIOD of the engine). */
const SWEEP_MS = 2500;

export interface Subject {
  ports: TestPort[];
  /** The bridge under test, if it is Taploom's. */
  bridge?: BridgeStatus & { fdbLimit: number };
  /** Fresh drop counters by port; empty if the switch is not Taploom. */
  counters(): Promise<Map<string, Pick<PortStatus['counters'], 'receiveDropped' | 'transmitDropped'>>>;
  forget(signal: AbortSignal): Promise<void>;
  learned(): Promise<number | undefined>;
  /** Frees everything; what was made for the measurement goes away. */
  close(): Promise<void>;
}

export async function runningPorts(client: ControlClient, names: readonly string[]): Promise<Subject> {
  const summary = await client.summary();
  const found = names.map((name) => {
    const status = summary.ports.find((port) => port.name === name);
    if (status === undefined) {
      throw new ControlError(
        'no_such_port',
        `There is no port ${name}; for any other interface: --interface ${name}`,
      );
    }
    return status;
  });
  const { bridge: name } = found[0];
  const stranger = found.find((status) => status.bridge !== name);
  if (stranger) {
    throw new TesterError(
      'different_bridges',
      `${found[0].name} is a port of ${name} and ${stranger.name} of ${stranger.bridge}: no frame passes from one to the other`,
    );
  }
  const status = summary.bridges.find((bridge) => bridge.name === name) as BridgeStatus;
  const { config } = await client.bridge(name);
  const ports = openAll(found.map((port) => interfaceOf(port, summary.pid)));
  let taught = false;
  const flush = async () => {
    for (const port of ports) await client.flush({ bridge: name, port: port.name });
  };
  return {
    ports,
    bridge: { ...status, fdbLimit: config.fdb_limit },
    counters: async () => new Map((await client.stats()).ports.map((port) => [port.name, port.counters])),
    async forget(signal) {
      await flush();
      // later trials use the same stations, which find the places that they had
      if (!taught) await pause(SWEEP_MS, signal);
      taught = true;
    },
    learned: async () =>
      (await client.summary()).bridges.find((bridge) => bridge.name === name)?.learnedAddresses,
    async close() {
      for (const port of ports) port.close();
      // a table full of stations that do not exist would keep others out
      if (taught) await flush();
    },
  };
}

/** A bridge with so many TAPs; `fdbLimit` undefined = Taploom's default. */
export async function temporaryBridge(
  client: ControlClient,
  count: number,
  fdbLimit: number | undefined,
): Promise<Subject> {
  const name = `tlb${process.pid}`;
  const names = [...'abc'].slice(0, count).map((letter) => name + letter);
  const ports = Object.fromEntries(names.map((port) => [port, { type: 'tap' }]));
  const remove = async () => {
    await client.deleteBridge(name).catch((error: unknown) => {
      if (!(error instanceof ControlError && error.code === 'no_such_bridge')) throw error;
    });
  };
  try {
    await client.addBridge(name, { local: false, ports, ...(fdbLimit && { fdb_limit: fdbLimit }) });
    const subject = await runningPorts(client, names);
    return {
      ...subject,
      async close() {
        await subject.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** `veth1` or `veth1@h1`. */
export function foreignInterfaces(specs: readonly string[], ageingTime: number): Subject {
  const names = specs.map((spec): TestPortName => {
    const [device, netns] = spec.split('@');
    return { name: spec, interface: device, netns };
  });
  const ports = openAll(names);
  let used = false;
  return {
    ports,
    counters: async () => new Map(),
    async forget(signal) {
      // what was never taught need not be forgotten
      if (used) await pause(ageingTime * 1000 * AGEING_MARGIN + AGEING_MARGIN_MS, signal);
      used = true;
    },
    learned: async () => undefined,
    async close() {
      for (const port of ports) port.close();
    },
  };
}

function openAll(names: readonly TestPortName[]): TestPort[] {
  const ports: TestPort[] = [];
  try {
    for (const name of names) ports.push(TestPort.open(name));
    return ports;
  } catch (error) {
    for (const port of ports) port.close();
    throw error;
  }
}

/** The host's side of a port: a TAP's interface, in our namespace, the daemon's, or the one that the port names. */
function interfaceOf({ name, type, mac, netns, state }: PortStatus, pid: number): TestPortName {
  if (type !== 'tap' && type !== 'local') {
    throw new TesterError(
      'no_interface',
      `Port ${name} is of type ${type} and has no interface that test frames could be sent on; use --interface with whatever is at its other end`,
    );
  }
  if (state !== 'up') throw new TesterError('port_down', `Port ${name} is ${state}`);
  const places = netns === undefined ? [undefined, `/proc/${pid}/ns/net`] : [netns];
  for (const place of places) {
    if (mac !== undefined && interfaceMac(name, place) === mac)
      return { name, interface: name, netns: place };
  }
  throw new TesterError(
    'no_such_interface',
    `Cannot find the interface of port ${name}${netns === undefined ? ' here or where taploomd runs' : ` in ${netns}`}; use --interface NAME@NETNS`,
  );
}

/** Ends early when the signal comes, and rejects with its reason. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}
