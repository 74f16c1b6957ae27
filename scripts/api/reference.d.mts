import type { Surface } from './surface.mjs';

export function reference(entry: string, found: Surface): { page: string; broken: string[] };
