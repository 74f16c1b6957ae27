// What a trace says of security groups: which rules were asked, and which of them let the packet pass.

import type { TraceStep } from '../api.ts';
import { groupedPorts } from '../config/grouped_ports.ts';
import { valueAt } from '../config/path.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { UNASKED } from '../engine/policy_question.ts';
import type { PolicyNote } from '../engine/policy_trial.ts';
import type { DropName } from '../table/drops.ts';
import { ruleCause } from './cause.ts';
import { type Scene, step } from './scene.ts';
import { helpOf } from './tell_classify.ts';

const DROPS: ReadonlySet<string> = new Set<DropName>([
  'policy_in',
  'policy_group',
  'policy_unknown',
  'connection_limit',
  'policy_out',
  'policy_invalid',
  'policy_window',
  'policy_fragment',
  'routed_connection_limit',
]);

export function isPolicyDrop(reason: string | undefined): boolean {
  return reason !== undefined && DROPS.has(reason);
}

/** @param drop why the frame was dropped as it came in, if it was */
export function tellPolicy({ sighting, config, names }: Scene, drop: DropName | undefined): TraceStep[] {
  const { policy } = sighting;
  if (policy === null) return [];
  const known = policy.isKnown
    ? [step('policy', 'known', 'It is of a connection that is there: nobody asks whether it may pass')]
    : [];
  const refused =
    drop !== undefined && isPolicyDrop(drop)
      ? [step('policy', drop, `It is dropped, ${drop}: ${helpOf(drop)}`)]
      : [];
  return [...known, ...policy.notes.flatMap((note) => tellNote(note, config, names)), ...refused];
}

function tellNote(
  { port, side, rule }: PolicyNote,
  config: SwitchConfig,
  names: Scene['names'],
): TraceStep[] {
  if (rule === UNASKED) return [];
  const name = names.port(port) ?? 'a port that is gone';
  const groups = groupsOf(config, name).join(', ');
  const what = side === 'in' ? 'get it' : 'send it';
  const path = rule === 0 ? undefined : names.groupRule(rule);
  if (path === undefined)
    return [
      step('policy', 'refused', `No ${side} rule of the groups of ${name} (${groups}) lets it ${what}`),
    ];
  const cause = ruleCause(path, valueAt(config, path), names.fileLine(path));
  return [step('policy', 'let', `${name} may ${what} (${cause.text})`, cause)];
}

function groupsOf(config: SwitchConfig, port: string): string[] {
  return [...groupedPorts(config)].find(([name]) => name === port)?.[1] ?? [];
}
