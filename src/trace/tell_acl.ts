// What a trace says of access lists: which rules fitted, and what they said.

import type { TraceStep } from '../api.ts';
import type { PlacedAclRule } from '../compile/acls.ts';
import { type AclVerdict, verdictOf } from '../config/acl_shape.ts';
import type { AclNote } from '../engine/acl_trial.ts';
import type { DropName } from '../table/drops.ts';
import { ruleCause } from './cause.ts';
import { type Scene, step } from './scene.ts';

const DEEDS: Record<AclVerdict, string> = {
  permit: 'lets it pass',
  deny: 'denies it',
  count: 'counts it, and the next rules are asked',
};

export function isAclDrop(reason: string | undefined): boolean {
  return reason === ('acl_in' satisfies DropName);
}

/** @param side of frames as they came in by `port`, or of whatever was asked afterwards */
export function tellAcls(scene: Scene, isFirst: boolean, port: number): TraceStep[] {
  return scene.sighting.acls
    .filter((note) => (note.side === 'in' && note.port === port) === isFirst)
    .flatMap((note) => tellNote(note, scene));
}

function tellNote(note: AclNote, { names, config }: Scene): TraceStep[] {
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
  const text = `Rule ${index + 1} of access list ${list} ${DEEDS[verdict]} ${where} (${cause.text})`;
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
