// The first half of a trace, up to the domain: what was received, whose it is, in which VLAN.

import type { TraceStep } from '../api.ts';
import { COLUMN, MARK } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DROP, DEST_VALUE } from '../frame/hop.ts';
import { DROPS, type DropName } from '../table/drops.ts';
import { FIRST_TYPE, TRAP } from '../table/traps.ts';
import { HEADER_LEN } from '../wire/ethernet.ts';
import { isTpid, TAG_LEN, TPID_8021Q, VID_MASK } from '../wire/vlan.ts';
import {
  bridgeCause,
  type Cause,
  mirrorCause,
  portCause,
  privateText,
  tpidAt,
  vlanCause,
  vlanOf,
} from './cause.ts';
import { domainText, hex, type Scene, step } from './scene.ts';
import type { SeenRow } from './sighting.ts';
import { tellGuard } from './tell_guard.ts';

/** Why the row is dropped, as the stages said it. */
export function dropOf(dest: number): DropName | undefined {
  return (dest & DEST_CONSUMED) === DEST_DROP ? (DROPS[dest & DEST_VALUE].name as DropName) : undefined;
}

export function helpOf(reason: string): string {
  return DROPS.find(({ name }) => name === reason)?.help ?? '';
}

export function tellReceive(scene: Scene): TraceStep[] {
  const { bridge, port, config, frame, names } = scene;
  const { length, macs, tags, etherType } = frame;
  const what = macs === undefined ? '' : `, ${macs.src} > ${macs.dst}`;
  const tagged = tags.map(
    ({ tpid, vlan, pcp, dei }) =>
      `${tpid === TPID_8021Q ? 'tag' : 'service tag'} VLAN ${vlan}${pcp === 0 ? '' : ` priority ${pcp}`}${dei ? ' DEI' : ''}`,
  );
  const type = etherType === undefined ? [] : [`EtherType ${hex(etherType)}`];
  const untagged = etherType !== undefined && isTpid(etherType) ? 'a tag that is cut short' : 'untagged';
  const details = [
    what.slice(2),
    ...(macs === undefined ? [] : tagged.length > 0 ? tagged : [untagged]),
    ...type,
  ];
  const text = [`${length} bytes`, ...details.filter((one) => one !== '')].join(', ');
  const steps = [step('receive', 'received', `${text}, on ${port} of ${bridge}`)];
  const state = names.device(port);
  if (!scene.isLive && (state === 'down' || state === 'gone')) {
    steps.push(step('receive', state, `${port} is ${state}: really it receives nothing`));
  }
  const fault = portCause(config, bridge, port, 'fault');
  if (fault?.value !== undefined) {
    const text = `${port} has faults on purpose, which a trace leaves out (${fault.text})`;
    steps.push(step('receive', 'fault', text, fault));
  }
  return steps;
}

/** What `classify` decided of the frame, traps included. */
export function tellClassify(scene: Scene, { columns, decided: dest }: SeenRow): TraceStep[] {
  const { bridge, port, config, frame } = scene;
  const reason = dropOf(dest);
  const dropped = (message: string) => [step('classify', reason as string, `${message}: dropped, ${reason}`)];
  switch (reason) {
    case 'runt':
      return dropped(
        frame.length < HEADER_LEN
          ? `${frame.length} bytes are less than an Ethernet header, ${HEADER_LEN}`
          : `${frame.length} bytes are less than an Ethernet header with its tag, ${HEADER_LEN + TAG_LEN}`,
      );
    case 'bad_source':
      return dropped(`No station has the address ${frame.macs?.src}: it is zero or a group's`);
    case 'vlan_device': {
      const [{ vlan }] = frame.tags;
      return dropped(`Tag VLAN ${vlan} belongs to a VLAN device on the interface of ${port}`);
    }
    case 'vlan_invalid':
      return dropped('VLAN 4095 is reserved (IEEE 802.1Q, table 9-2)');
    case 'vlan_untagged': {
      const cause = vlanCause(config, bridge, port, 0);
      const what =
        frame.tags[0]?.tpid === tpidAt(config, bridge, port)
          ? 'A priority tag names no VLAN'
          : 'The frame is untagged';
      const text = `${what}, and ${port} has no native VLAN (${cause.text}): dropped, vlan_untagged`;
      return [step('classify', reason, text, cause)];
    }
    case 'punt_limit':
      return [
        step(
          'trap',
          reason,
          `For the control plane, which takes only so many from ${port}: dropped, ${reason}`,
        ),
      ];
    case 'reserved_group':
      if ((columns[COLUMN.domain] | 0) !== 0) break;
      return dropped(`${frame.macs?.dst} is PAUSE, which ends at the link and is never forwarded`);
    case undefined:
    case 'hook':
    case 'acl_in':
    case 'acl_policed_in':
    case 'policed_receive':
    case 'tenant_bandwidth_receive':
    case 'policy_out':
    case 'policy_invalid':
    case 'policy_window':
    case 'policy_fragment':
    case 'tunnel_mac':
    case 'tunnel_limit':
    case 'unknown_multicast':
    case 'vlan_not_allowed':
    case 'port_blocked':
      break;
    case 'rogue_server':
    case 'spoofed_mac':
    case 'spoofed_ip':
    case 'arp_spoofed':
    case 'nd_spoofed':
    case 'rogue_router':
    case 'double_tag':
    case 'hidden_packet':
    case 'tiny_fragment':
      return [tellGuard(scene, columns, reason)];
    default:
      return dropped(helpOf(reason));
  }
  const isTunnelled = (columns[COLUMN.mark] & MARK.tunnelled) !== 0;
  if (dest === DEST_CONSUMED && !isTunnelled) return [tellTrap(scene)];
  return tellVlan(scene, columns, reason);
}

const TRAPPED: ReadonlyMap<number, string> = new Map([
  [TRAP.lldp, 'LLDP'],
  [TRAP.bpdu, 'Spanning tree'],
  [TRAP.provider_bpdu, 'Spanning tree'],
  [TRAP.multicast, 'IGMP, MLD or PIM'],
  [TRAP.dhcp, 'DHCP'],
  [TRAP.solicitation, 'A router solicitation'],
  [TRAP.dhcp6, 'DHCPv6'],
  [TRAP.dhcp_snooping, 'DHCP, which is snooped'],
  [TRAP.newcomer, 'What a newcomer says first'],
]);

function tellTrap({ port, sighting, frame, isLive }: Scene): TraceStep {
  const [trap] = sighting.punts;
  const name =
    trap === undefined
      ? 'its EtherType'
      : (TRAPPED.get(trap) ?? (trap < FIRST_TYPE ? `group ${trap}` : 'its EtherType'));
  const what = isLive ? 'the control plane got it' : 'the control plane gets it, if it has not had too many';
  return step('trap', 'punted', `${name} (${frame.macs?.dst}) on ${port} is the control plane's: ${what}`);
}

function tellVlan(scene: Scene, columns: Int32Array, reason: DropName | undefined): TraceStep[] {
  const { bridge, port, config, frame } = scene;
  const vid = columns[COLUMN.tci] & VID_MASK;
  const filtering = bridgeCause(config, bridge, 'vlan_filtering');
  const steps: TraceStep[] = [];
  if (filtering.value !== true) {
    const stays = frame.tags.length > 0 ? ', and tags stay in the frame' : '';
    const text = `${bridge} does not filter VLANs (${filtering.text}): one domain${stays}`;
    steps.push(step('classify', 'domain', text, filtering));
  } else {
    const cause = vlanCause(config, bridge, port, vid);
    const [outer, inner] = frame.tags;
    const isTagged = outer?.tpid === tpidAt(config, bridge, port);
    const vlan = vlanOf(config.bridges[bridge], port);
    const isTunnel = vlan !== undefined && 'tunnel' in vlan;
    if (reason === 'vlan_not_allowed') {
      const text = `VLAN ${isTagged && outer.vlan !== 0 ? outer.vlan : vid} is not allowed on ${port} (${cause.text}): dropped, ${reason}`;
      return [step('classify', reason, text, cause)];
    }
    const how = !isTagged
      ? `Untagged on ${port} is VLAN ${vid}`
      : outer.vlan === 0
        ? `A priority tag on ${port} is VLAN ${vid}, priority ${outer.pcp}`
        : isTunnel
          ? `VLAN ${outer.vlan} of the customer on ${port} goes into VLAN ${vid}`
          : outer.vlan === vid
            ? `${port} carries VLAN ${vid}`
            : `${outer.vlan} on the wire of ${port} is VLAN ${vid}`;
    const left = isTagged && !isTunnel ? inner : outer;
    const whose = isTunnel
      ? 'the customer’s'
      : isTagged
        ? 'the inner'
        : left?.tpid === TPID_8021Q
          ? 'its'
          : 'its service';
    const rest = left === undefined ? '' : `; ${whose} tag (VLAN ${left.vlan}) stays in the frame`;
    steps.push(
      step('classify', 'domain', `${how}${privateText(config, bridge, vid)} (${cause.text})${rest}`, cause),
    );
  }
  if (reason === 'port_blocked') {
    const { text, cause } = blockedBy(scene, bridge, port, vid);
    const why = cause === undefined ? '' : ` (${cause.text})`;
    steps.push(step('classify', reason, `${text}${why}: dropped, ${reason}`, cause));
  }
  return steps;
}

/** Why a port neither takes frames nor lets any out. */
export function blockedBy(
  scene: Scene,
  bridge: string,
  port: string,
  vid: number,
): { text: string; cause?: Cause } {
  const cause = mirrorCause(scene.config, bridge, port);
  if (cause !== undefined) return { text: `${port} is the end of a mirror`, cause };
  const where = domainText(scene, bridge, vid);
  const state = scene.names.state(port, vid);
  if (state === 'disabled') return { text: `${port} is disabled for an error` };
  return { text: `A protocol holds ${port} ${state} in ${where}` };
}
