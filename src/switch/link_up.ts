// Whether protocols may count on a port: it is there, not disabled for an error, and its cable leads somewhere.

import type { Device, GuestStatus } from '../device/device.ts';
import type { LinkWatch } from '../device/link_watch.ts';
import type { DisabledPorts } from '../protocol/disabled_ports.ts';
import type { CounterView } from './counter_view.ts';

/** What the switch knows of its ports, by name. */
export interface LinkFacts {
  readonly devices: ReadonlyMap<string, Device>;
  readonly goneNames: ReadonlySet<string>;
  readonly disabled: DisabledPorts;
  readonly linkWatch: LinkWatch;
  readonly counters: CounterView;
}

/** As of the last look of `linkWatch`. */
export function isLinkUp(
  { devices, goneNames, disabled, linkWatch, counters }: LinkFacts,
  name: string,
): boolean {
  const port = devices.get(name)?.spec.port;
  if (port === undefined || goneNames.has(name) || disabled.get(name) !== undefined) return false;
  return (linkWatch.isUp(name) ?? counters.isUp(port)) && linkWatch.at(name).hasCarrier !== false;
}

/** Whether its rings run, which the data plane finds out a moment later. Undefined: no guest that says so. */
export function isUpBy(guest: GuestStatus | undefined): boolean | undefined {
  return guest && guest.state === 'up';
}
