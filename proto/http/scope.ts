import { z } from 'zod';
import { id } from './common.ts';

/** Which gateways: those that fit every list given. No list means all that the caller may see. */
export const scope = z.strictObject({
  tenants: z.array(id).optional(),
  sites: z.array(id).optional(),
  gateways: z.array(id).optional(),
  tags: z.array(z.string().min(1).max(50)).optional(),
});
export type Scope = z.infer<typeof scope>;
