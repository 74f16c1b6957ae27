// What the parts of a port's quality of service need of each other.

import { parseRate } from './amounts.ts';
import type { Problem } from './config_error.ts';
import type { Path } from './path.ts';
import { checkPolicer } from './policer.ts';
import type { QosConfig } from './qos_shape.ts';

export function checkQos(path: Path, qos: QosConfig, isMember: boolean, problems: Problem[]): void {
  const report = (keys: Path, message: string) => problems.push({ path: [...path, ...keys], message });
  const { shape, classes } = qos;
  checkPolice(qos, isMember, report);
  if (shape === undefined) {
    for (const key of ['classes', 'fair', 'limit'] as const) {
      if (qos[key] === undefined) continue;
      report(
        [key],
        'frames wait only where a rate makes them: set shape to the rate of what is behind the port',
      );
    }
    return;
  }
  if (classes === undefined) return;
  for (const key of ['fair', 'limit'] as const) {
    if (qos[key] !== undefined) report([key], 'belongs to each class where there are classes');
  }
  const rate = bits(typeof shape === 'string' ? shape : shape.rate);
  const names = new Set<string>();
  let least = 0;
  classes.forEach(({ name, min, max, priority, weight }, n) => {
    const own = (key: string) => ['classes', n, key] as Path;
    if (names.has(name)) report(own('name'), `there is a class ${name} before`);
    names.add(name);
    if (priority !== undefined && weight !== undefined)
      report(own('weight'), 'a class with a priority goes before those with a weight: remove one of them');
    if (priority !== undefined && min !== undefined)
      report(
        own('min'),
        'a class with a priority goes before every minimum: give min to the others, and max to it',
      );
    if (max !== undefined && bits(max) > rate) report(own('max'), `${max} is more than the port has`);
    if (min !== undefined && max !== undefined && bits(min) > bits(max))
      report(own('min'), `${min} is more than its max, ${max}`);
    least += min === undefined ? 0 : bits(min);
  });
  if (least > rate) report(['classes'], `their minima are ${least} bit/s together, and the port has ${rate}`);
  const open = classes.flatMap(({ match }, n) => (match === undefined ? [n] : []));
  for (const n of open.slice(0, -1))
    report(['classes', n, 'match'], 'missing; only one class takes what no other does');
}

function bits(text: string): number {
  return parseRate(text)?.amount ?? 0;
}

function checkPolice(
  { police }: QosConfig,
  isMember: boolean,
  report: (keys: Path, message: string) => void,
): void {
  if (police !== undefined && isMember)
    report(['police'], "frames are the aggregate's once they came in: only ports of a bridge are policed");
  for (const direction of ['in', 'out'] as const) {
    const said = police?.[direction];
    if (said === undefined || typeof said === 'string') continue;
    checkPolicer(['police', direction], said, report);
  }
}
