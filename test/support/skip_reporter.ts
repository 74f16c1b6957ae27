// Prints every skipped test with its reason at the end of a run: a test that did not run proves nothing, and should
// not hide in a number.

import type { Reporter, TestModule, Vitest } from 'vitest/node';

export class SkipReporter implements Reporter {
  private filtered = false;

  onInit(vitest: Vitest): void {
    this.filtered = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.filtered) return; // `-t` skips everything else on purpose
    const lines: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const result = test.result();
        const reason = (result.state === 'skipped' && result.note) || 'no reason given';
        lines.push(`  ${module.relativeModuleId} > ${test.fullName}: ${reason}`);
      }
    }
    if (lines.length > 0) process.stdout.write(`Skipped:\n${lines.join('\n')}\n`);
  }
}

// Named on the command line (`--reporter=test/support/skip_reporter.ts`) vitest wants a default export.
export default SkipReporter;
