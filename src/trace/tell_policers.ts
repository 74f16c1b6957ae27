// What a trace says of policers: which one a frame is charged to, of those of a port and that of its tenant.

import type { TraceStage, TraceStep } from '../api.ts';
import { classFor } from '../engine/frame_class.ts';
import { PORT_MASK } from '../frame/hop.ts';
import type { DropName } from '../table/drops.ts';
import { LIST_WORDS, NO_POLICER, type PolicerTable } from '../table/policer_table.ts';
import { causeOf, portPath } from './cause.ts';
import { type Scene, step } from './scene.ts';
import type { SeenCopy } from './sighting.ts';

type Direction = 'in' | 'out';

export function isPoliced(reason: string | undefined): boolean {
  return (
    reason === ('policed_receive' satisfies DropName) ||
    reason === ('tenant_bandwidth_receive' satisfies DropName)
  );
}

/** @param source the port that received it @param reason why the frame was dropped, if it was */
export function tellPolicedIn(scene: Scene, source: number, reason: DropName | undefined): TraceStep[] {
  const { topology, names, sighting } = scene;
  const { policers } = topology;
  const name = names.port(source) ?? scene.port;
  const steps =
    policers === null
      ? []
      : sighting.policers.flatMap((policer) => {
          const place = placeOf(policers, 'in', source, policer);
          return place === undefined
            ? tellTenant(scene, scene.bridge, name, 'in')
            : tellPort(scene, scene.bridge, name, 'in', place);
        });
  if (isPoliced(reason))
    steps.push(step('police', reason as string, `It is more than may come: dropped, ${reason}`));
  return steps;
}

/** Of a copy that leaves by port `name`, in the order in which they are asked. */
export function tellPolicedOut(scene: Scene, bridge: string, name: string, copy: SeenCopy): TraceStep[] {
  const { policers } = scene.topology;
  if (policers === null) return [];
  const port = copy.hop & PORT_MASK;
  const list = policers.lists?.out[port] ?? 0;
  const { tci, dscp, mark, source } = copy;
  const own =
    policers.lists !== null && list !== 0
      ? tellPort(scene, bridge, name, 'out', {
          index: classFor(policers.lists.matches, list, tci, dscp, mark, source),
        })
      : policers.out[port] !== 0
        ? tellPort(scene, bridge, name, 'out', {})
        : [];
  const hasTenant = policers.tenants !== null && policers.tenants[port] !== 0;
  return [...own, ...(hasTenant ? tellTenant(scene, bridge, name, 'out') : [])];
}

/** Place of a policer: of the only one `index` is absent, of none of a list NO_POLICER. */
interface Place {
  index?: number;
}

/** Undefined: it is that of the port's tenant. */
function placeOf(table: PolicerTable, side: Direction, port: number, policer: number): Place | undefined {
  if (policer === 0) return { index: NO_POLICER };
  if (table[side][port] === policer) return {};
  const { lists } = table;
  if (lists === null || lists[side][port] === 0) return undefined;
  const from = lists[side][port] * LIST_WORDS;
  const index = lists.numbers.subarray(from, from + LIST_WORDS).indexOf(policer);
  return index < 0 ? undefined : { index };
}

function tellPort(
  { config }: Scene,
  bridge: string,
  name: string,
  side: Direction,
  { index }: Place,
): TraceStep[] {
  const settings = config.bridges[bridge]?.ports[name];
  const qos = settings !== undefined && 'qos' in settings ? settings.qos : undefined;
  const said = qos?.police?.[side];
  if (said === undefined) return [];
  const path = [...portPath(config.bridges[bridge], bridge, name), 'qos', 'police', side];
  const what = side === 'in' ? `of what comes in through ${name}` : `of what leaves through ${name}`;
  if (index === undefined || !Array.isArray(said)) {
    const cause = causeOf(path, said, false);
    return [step(stageOf(side), 'policer', `It is charged to the policer ${what} (${cause.text})`, cause)];
  }
  if (index === NO_POLICER) {
    const text = `None of the ${said.length} policers ${what} takes it: they let it pass`;
    return [step(stageOf(side), 'no_policer', text, causeOf(path, said, false))];
  }
  const cause = causeOf([...path, index], said[index], false);
  const text = `It is charged to policer ${index + 1} of ${said.length} ${what} (${cause.text})`;
  return [step(stageOf(side), 'policer', text, cause)];
}

function tellTenant({ config }: Scene, bridge: string, name: string, side: Direction): TraceStep[] {
  const tenant = config.bridges[bridge]?.ports[name]?.tenant;
  const bandwidth = tenant === undefined ? undefined : config.tenants?.[tenant]?.bandwidth;
  if (tenant === undefined || bandwidth === undefined) return [];
  const cause = causeOf(['tenants', tenant, 'bandwidth'], bandwidth, false);
  const whose = side === 'in' ? `its ports send` : `its ports get`;
  const of = `${name}: charged to what tenant ${tenant} may have of all that ${whose}`;
  return [step(stageOf(side), 'tenant_policer', `${of} (${cause.text})`, cause)];
}

function stageOf(side: Direction): TraceStage {
  return side === 'in' ? 'police' : 'egress';
}
