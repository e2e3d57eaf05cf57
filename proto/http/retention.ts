import { z } from 'zod';
import { defineRoute } from './route.ts';

const days = z.number().int();

export const getRetention = defineRoute({
  method: 'GET', path: '/retention', action: 'audit.read', summary: 'What is kept how long, and how large the tables are',
  status: 200, response: z.object({
    /** Samples as they came, by the minute, by the hour; the flows of plans and runs; commands; the audit trail. */
    days: z.object({ samples: days, minutes: days, hours: days, flows: days, commands: days, audit: days }),
    /** The largest first. Rows are an estimate; bytes are with indexes. */
    tables: z.array(z.object({ name: z.string(), rows: z.number().int(), bytes: z.number().int() })),
  }),
});
