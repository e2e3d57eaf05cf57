import { z } from 'zod';
import { defineRoute } from './route.ts';

const days = z.number().int();

export const getRetention = defineRoute({
  method: 'GET',
  path: '/retention',
  action: 'audit.read',
  summary: 'How long data is kept, and how large the tables are',
  status: 200,
  response: z.object({
    /**
     * Raw samples, by the minute, by the hour; the flows of plans and runs; commands; plans, flushes and runs; join tokens, API tokens and
     * service accounts after they were used, revoked or expired; responses kept for an `Idempotency-Key`; the audit trail with its
     * checkpoints. Sessions and attempt counters are removed when they expire.
     */
    days: z.object({
      samples: days,
      minutes: days,
      hours: days,
      flows: days,
      commands: days,
      plans: days,
      tokens: days,
      answers: days,
      audit: days,
    }),
    /**
     * Largest first. Rows are an estimate; bytes include indexes. Absent for roles over single tenants: tables hold all tenants' rows
     * together.
     */
    tables: z.array(z.object({ name: z.string(), rows: z.number().int(), bytes: z.number().int() })).optional(),
  }),
});
