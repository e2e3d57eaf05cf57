import { z } from 'zod';
import { id } from './common.ts';

/** Per list; a Postgres query has at most 32,767 parameters. */
const MAX_IDS = 5000;

/** Which gateways: those that match every list given. Without a list, all that the caller may see. */
export const scope = z.strictObject({
  tenants: z.array(id).max(MAX_IDS).optional(),
  sites: z.array(id).max(MAX_IDS).optional(),
  gateways: z.array(id).max(MAX_IDS).optional(),
  tags: z.array(z.string().min(1).max(50)).max(100).optional(),
});
export type Scope = z.infer<typeof scope>;
