// `taploom port qemu-args`: how a hypervisor is told of a port.

import { ControlError } from '../control/client.ts';
import type { Context } from './context.ts';
import { print } from './print.ts';

interface VmOptions {
  firecracker?: boolean;
  cloudHypervisor?: boolean;
  mac?: string;
  queues?: number;
  fd?: readonly number[];
  memory?: string;
  tcg?: boolean;
}

/** Names of ports are unique in a switch, so no bridge is asked for. */
export async function portQemuArgs(context: Context, name: string): Promise<void> {
  const { client, options } = context;
  const { firecracker, cloudHypervisor, mac, queues, fd: fds, memory, tcg } = options as VmOptions;
  const found = (await client.summary()).ports.find((other) => other.name === name);
  if (found === undefined) throw new ControlError('no_such_port', `There is no port ${name}`);
  const { config } = await client.port(found.bridge, name);
  if (config === undefined)
    throw new ControlError('no_way_in', `${name} is a bridge: its guests have ports of their own`);
  const { guestMac, interfaceFacts } = await import('../switch/vm_port.ts');
  const { shellWords } = await import('../hypervisor/guest_card.ts');
  const { VmCard } = await import('../hypervisor/vm_card.ts');
  const { wayIn } = await import('../hypervisor/way_in.ts');
  const facts = config.type === 'af_packet' ? interfaceFacts(config, name) : undefined;
  const way = wayIn(name, config, { queues, fds, facts });
  const card = new VmCard({ name, mac: mac ?? guestMac(name), way });
  if ('netns' in config && config.netns !== undefined && fds === undefined)
    context.terminal.error(
      `taploom: the TAP is in network namespace ${config.netns}: start the guest there\n`,
    );
  if (firecracker) {
    const told = card.firecrackerConfig();
    return print(context, told, () => `${JSON.stringify(told)}\n`);
  }
  const words = cloudHypervisor ? card.cloudHypervisorArgs({ memory }) : card.qemuArgs({ memory, tcg });
  print(context, words, () => `${shellWords(words)}\n`);
}
