// The last line of `.ci/run` and its exit code, from vitest's JSON report.
//   node scripts/count_tests.mjs REPORT BROKEN       BROKEN = steps of the run that failed, the tests included

import { existsSync, readFileSync } from 'node:fs';

const [file, brokenSteps] = process.argv.slice(2);
const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { testResults: [] };
const tests = report.testResults.flatMap((one) =>
  one.assertionResults.map((test) => ({ ...test, file: one.name })),
);
const passed = tests.filter((test) => test.status === 'passed').length;
const skipped = tests.filter((test) => !['passed', 'failed'].includes(test.status));
let failed = tests.filter((test) => test.status === 'failed').length;

// A file that could not even be loaded has no tests to count.
failed += report.testResults.filter(
  (one) => one.status === 'failed' && !one.assertionResults.some(isFailed),
).length;
const skippedSystem = skipped.filter((test) => test.file.includes('/test/system/'));
if (skippedSystem.length > 0)
  console.log(`${skippedSystem.length} system tests were skipped, which is a failure here.`);
// Steps other than the tests (lint, say) count as one failure each.
if (Number(brokenSteps) > 0 && failed === 0) failed = Number(brokenSteps);
if (passed === 0) failed ||= 1;

console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
process.exitCode = failed > 0 || skippedSystem.length > 0 ? 1 : 0;

function isFailed(test) {
  return test.status === 'failed';
}
