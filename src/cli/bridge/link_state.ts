// `bridge link set dev P state S`: of a port's state only one thing is ours to give, that it forwards again after an error.

import { isStpOn } from '../../config/stp.ts';
import { lacking, refused, senseless } from './failure.ts';
import type { Context, Port } from './scene.ts';

/** By number, as include/uapi/linux/if_bridge.h has them. */
const STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'];

export function stateOf(status: Port['status']): string {
  if (status?.state !== 'up') return 'disabled';
  return status.stp?.state ?? 'forwarding';
}

/** A name or a number. Undefined: a negative number, which iproute2 does not send. */
export function parseState(word: string, wrong = 'Error: invalid STP port state'): number | undefined {
  const number = STATES.includes(word) ? STATES.indexOf(word) : Number(word);
  if (!Number.isInteger(number) || word.trim() === '') throw senseless(wrong);
  return number < 0 ? undefined : number;
}

export async function setState({ client }: Context, port: Port, wanted: number): Promise<void> {
  const state = STATES[wanted];
  if (state === undefined) throw refused('Invalid argument');
  const now = stateOf(port.status);
  const isOpened = state === 'forwarding' && now !== state;
  if (isOpened && (await client.enablePort(port.bridge, port.name))) return;
  // as the kernel, which then allows all of them
  if (isStpOn(port.bridgeConfig)) throw refused('Device or resource busy');
  if (port.status?.state !== 'up') throw refused('Network is down');
  if (state !== now)
    throw lacking(
      `Without a spanning tree a port forwards while its link is up: ip link set ${port.name} down stops it`,
    );
}
