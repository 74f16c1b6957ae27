// A trace in sentences: each decision of the stages in their order, then the outcome.

import type { Trace, TraceStep } from '../api.ts';
import { DOMAIN_SHIFT } from '../engine/topology.ts';
import { COLUMN } from '../frame/frame_batch.ts';
import { PORT_MASK } from '../frame/hop.ts';
import { DROPS } from '../table/drops.ts';
import { headOf, hopText, type Scene, step } from './scene.ts';
import type { SeenRow } from './sighting.ts';
import { isAclDrop, tellAcls } from './tell_acl.ts';
import { dropOf, helpOf, tellClassify, tellReceive } from './tell_classify.ts';
import { tellDecide, tellLearn } from './tell_decide.ts';
import { tellEgress, tellReplicate } from './tell_egress.ts';
import { tellHooks } from './tell_hook.ts';
import { isPoliced, tellPolicedIn } from './tell_policers.ts';
import { isPolicyDrop, tellPolicy } from './tell_policy.ts';
import { tellRoute } from './tell_route.ts';
import { isTunnelled, tellCarried, tellTunnel } from './tell_tunnel.ts';

export function tell(scene: Scene): Pick<Trace, 'steps' | 'outcome'> {
  const { sighting, names } = scene;
  const steps = tellReceive(scene);
  for (const [round, seen] of sighting.rows.entries()) {
    const { columns } = seen;
    const own = round === 0 ? scene : { ...scene, frame: headOf(seen.head, columns[COLUMN.length]) };
    const bridge = names.bridgeOf(columns[COLUMN.domain] >>> DOMAIN_SHIFT) ?? scene.bridge;
    if (round === 0) {
      const classified = tellClassify(scene, seen);
      steps.push(...classified);
      if (classified.at(-1)?.verdict === 'domain') steps.push(...tellHooks(scene, seen));
      const drop = dropOf(seen.decided);
      steps.push(...tellAcls(scene, true, columns[COLUMN.ingress] & PORT_MASK, drop));
      steps.push(...tellPolicedIn(scene, columns[COLUMN.source], drop));
      if (drop === 'hook' || isAclDrop(drop) || isPoliced(drop) || isPolicyDrop(drop)) break;
    }
    const wasTunnelled = round > 0 && isTunnelled(sighting.rows[round - 1]);
    if (round > 0 && !wasTunnelled) steps.push(tellAnew(scene, bridge, seen));
    if (wasTunnelled) steps.push(...tellCarried(scene, bridge, seen));
    else
      steps.push(
        ...tellLearn(own, bridge, seen),
        ...(tellTunnel(own, bridge, seen) ?? tellDecide(own, bridge, seen)),
        ...tellRoute(own, seen),
      );
    steps.push(...tellReplicate(own, bridge, seen));
  }
  const ingress = (sighting.rows[0]?.columns[COLUMN.ingress] ?? 0) & PORT_MASK;
  const first = sighting.rows[0];
  const drop = first === undefined ? undefined : dropOf(first.decided);
  steps.push(...tellAcls(scene, false, ingress), ...tellPolicy(scene, drop));
  const last = sighting.rows.at(-1)?.columns;
  const bridge = names.bridgeOf((last?.[COLUMN.domain] ?? 0) >>> DOMAIN_SHIFT) ?? scene.bridge;
  const egress = tellEgress(scene, bridge);
  steps.push(...egress.steps);
  return { steps, outcome: outcomeOf(scene, egress.copies) };
}

function tellAnew(scene: Scene, bridge: string, { columns, isAnswer }: SeenRow): TraceStep {
  const from = hopText(scene, columns[COLUMN.ingress]);
  return isAnswer
    ? step('classify', 'answer', `${from} of ${bridge} says something of its own`)
    : step('classify', 'recirculated', `It comes in anew from ${from} of ${bridge}`);
}

function outcomeOf({ sighting }: Scene, copies: Trace['outcome']['copies']): Trace['outcome'] {
  const own = copies.filter(({ isAnswer, isMirrored }) => isAnswer !== true && isMirrored !== true);
  if (own.some(({ dropped }) => dropped === undefined)) return { verdict: 'forwarded', copies };
  const ended = sighting.drops.find(({ code }) => DROPS[code].side === 'receive');
  const reason = own.length > 0 ? own[0].dropped : ended === undefined ? undefined : DROPS[ended.code].name;
  if (reason === undefined) return { verdict: 'consumed', copies };
  return { verdict: 'dropped', reason, help: helpOf(reason), copies };
}
