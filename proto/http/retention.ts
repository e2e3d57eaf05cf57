import { z } from 'zod';
import { defineRoute } from './route.ts';

const days = z.number().int();

export const getRetention = defineRoute({
  method: 'GET',
  path: '/retention',
  action: 'audit.read',
  summary: 'What is kept how long, and how large the tables are',
  status: 200,
  response: z.object({
    /**
     * Samples as they came, by the minute, by the hour; the flows of plans and runs; commands; plans, flushes and runs; join tokens and API
     * tokens after they were
     * used, revoked or expired; answers kept for an `Idempotency-Key`; the audit trail with its checkpoints. Sessions and counts of tries
     * go when they expire.
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
     * The largest first. Rows are an estimate; bytes are with indexes. Absent for roles over single tenants: tables hold all tenants' rows
     * together.
     */
    tables: z.array(z.object({ name: z.string(), rows: z.number().int(), bytes: z.number().int() })).optional(),
  }),
});
