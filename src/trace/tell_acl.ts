// What a trace says of access lists: which rules fitted, and what they said.

import type { TraceStep } from '../api.ts';
import type { PlacedAclRule } from '../compile/acls.ts';
import { type AclVerdict, verdictOf } from '../config/acl_shape.ts';
import type { AclNote } from '../engine/acl_trial.ts';
import type { DropName } from '../table/drops.ts';
import { ruleCause } from './cause.ts';
import { type Scene, step } from './scene.ts';

const POLICED: DropName = 'acl_policed_in';

const DEEDS: Record<AclVerdict, string> = {
  permit: 'lets it pass',
  deny: 'denies it',
  count: 'counts it, and the next rules are asked',
};

export function isAclDrop(reason: string | undefined): boolean {
  return reason === ('acl_in' satisfies DropName) || reason === POLICED;
}

/** @param isFirst of the frame as it came in by `port`, or of whatever was asked afterwards @param reason why it was dropped, if it was */
export function tellAcls(scene: Scene, isFirst: boolean, port: number, reason?: DropName): TraceStep[] {
  const notes = scene.sighting.acls.filter((note) => (note.side === 'in' && note.port === port) === isFirst);
  // The last rule that was asked is the one that dropped it.
  return notes.flatMap((note, n) => tellNote(note, scene, reason === POLICED && n === notes.length - 1));
}

function tellNote(note: AclNote, { names, config }: Scene, isPoliced: boolean): TraceStep[] {
  const place = names.aclRule(note.rule);
  if (place === undefined) return [];
  const { list, index } = place;
  const where = `${note.side === 'in' ? 'in on' : 'out of'} ${names.port(note.port) ?? 'a port that is gone'}`;
  if (typeof index !== 'number') return [tellEnd(list, index, where)];
  const rule = config.acls?.[list]?.[index];
  if (rule === undefined) return [];
  const { verdict } = verdictOf(rule);
  const path = ['acls', list, index];
  const cause = ruleCause(path, rule, names.fileLine(path));
  const which = `Rule ${index + 1} of access list ${list}`;
  if (isPoliced) {
    const text = `${which} fits ${where}, and it is more than its police allows (${cause.text}): dropped, ${POLICED}`;
    return [step('acl', POLICED, text, cause)];
  }
  const text = `${which} ${DEEDS[verdict]} ${where} (${cause.text})`;
  return [step('acl', verdict, text, cause)];
}

function tellEnd(list: string, end: Exclude<PlacedAclRule['index'], number>, where: string): TraceStep {
  return end === 'link'
    ? step(
        'acl',
        'permit',
        `No rule of access list ${list} fits, and its end permits ARP and neighbour discovery ${where}`,
      )
    : step('acl', 'deny', `No rule of access list ${list} fits, and its end denies everything else ${where}`);
}
