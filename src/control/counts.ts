// Numbers that many answers of the control socket have.

import { z } from 'zod';

export const count = z.int().nonnegative();
export const vlanId = z.int().min(0).max(4095);
export const malformed = z.record(z.string(), count).describe('frames without use, by reason');
