// Turns of a switch without threads whose control plane has a say: what it hears and answers takes some.

import type { Rig } from './rig.ts';

/** Lets the control plane have its turns, as many as a frame needs to the host and an answer back. */
export async function settle(rig: Rig): Promise<void> {
  for (let n = 0; n < 8; n++) {
    rig.taploom.poll(0, rig.now);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A frame from a port; answers with the ports that got it, or the reasons why nobody did. */
export async function say(rig: Rig, port: string, frame: Uint8Array): Promise<string> {
  await settle(rig);
  rig.received();
  const lines = rig.run(() => void rig.taploom.memoryPort(port).send(frame));
  await settle(rig);
  return [...new Set(lines.map((line) => line.replace(/^(\w+): .*/s, '$1')))].join(' ');
}
