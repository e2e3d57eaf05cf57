import { z } from 'zod';
import { ANSWERS, MODES } from '../model/policy/document.ts';

const ports = z.array(z.object({ from: z.number().int(), to: z.number().int() }));
const words = z.array(z.string());

/** A rule of a policy as it is shown; a document is read by proto/model/policy/read.ts. */
export const policyRule = z.object({
  name: z.string(),
  /** A packet of the original direction matches if all fields do, and a field if one of its values does. */
  match: z.object({
    proto: z.string().optional(),
    src: words.optional(),
    dst: words.optional(),
    sport: ports.optional(),
    dport: ports.optional(),
    iif: words.optional(),
    oif: words.optional(),
    zone: z.number().int().optional(),
    mark: z.object({ value: z.number().int(), mask: z.number().int() }).optional(),
  }),
  mode: z.enum(MODES).optional(),
  /** Of mode `deny`. */
  answer: z.enum(ANSWERS).optional(),
  idleTimeoutSeconds: z.number().int().optional(),
  helper: z.string().optional(),
  limits: z
    .object({ perSource: z.number().int().optional(), perDestination: z.number().int().optional(), answer: z.enum(ANSWERS) })
    .optional(),
});
