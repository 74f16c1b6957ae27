// Metrics of access lists. Labels are names of the configuration, and numbers of rules up to a bound.

import { type AddMetric, RULES_WITH_SERIES } from './metric_snapshot.ts';

export function aclMetrics(add: AddMetric): void {
  add(
    'counter',
    'taploom_acl_packets_total',
    'Frames that an access list permitted or denied, its end included.',
    ({ acls }) =>
      acls.flatMap(({ name, permitted, denied }) => [
        { value: permitted, labels: { acl: name, verdict: 'permit' } },
        { value: denied, labels: { acl: name, verdict: 'deny' } },
      ]),
  );
  add(
    'counter',
    'taploom_acl_rule_packets_total',
    `Frames that a rule of an access list fitted, of the first ${RULES_WITH_SERIES} rules of each list; rule="end" is what no rule fits and the list denies.`,
    ({ aclRules }) => aclRules.map(({ acl, rule, frames }) => ({ value: frames, labels: { acl, rule } })),
  );
  add('counter', 'taploom_acl_rule_bytes_total', 'Bytes of these frames.', ({ aclRules }) =>
    aclRules.map(({ acl, rule, bytes }) => ({ value: bytes, labels: { acl, rule } })),
  );
}
