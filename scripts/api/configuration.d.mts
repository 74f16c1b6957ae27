import type { z } from 'zod';

export function configurationReport(shape: z.ZodType): string;
