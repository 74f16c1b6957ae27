// Two projects: unit tests run side by side, system tests one after the other, because they share the machine's
// network stack and measure time. `npx vitest run --project unit` needs neither root nor a build of the package.

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { SkipReporter } from './test/support/skip_reporter.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

// Tests that need the worker thread take the package as its users do: built.
const alias = { taploom: path('./dist/src/index.js') };
const server = { deps: { external: [/\/dist\/src\//] } };

export default defineConfig({
  test: {
    reporters: ['default', new SkipReporter()],
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/system/**'],
          pool: 'forks',
          testTimeout: 20_000,
          server,
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          globalSetup: ['test/support/system_setup.ts'],
          // After the unit tests, which would disturb the measurements.
          sequence: { groupOrder: 1 },
          server,
        },
      },
    ],
  },
});
