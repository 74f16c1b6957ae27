import type { Surface } from './surface.mjs';

export function report(entry: string, found: Surface): string;
