// The version, from package.json: the sources and the built package are at different distances from it.

import { readFileSync } from 'node:fs';

export function taploomVersion(): string {
  for (const up of ['../..', '../../..']) {
    try {
      const text = readFileSync(new URL(`${up}/package.json`, import.meta.url), 'utf8');
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === 'taploom' && version) return version;
    } catch {
      // one level up, then
    }
  }
  return 'unknown';
}
