// A search by host over many gateways, a plan of what it finds and its flush, by the controller's own code with Postgres, over doubles of
// gateways: `npm run bench -- search [GATEWAYS] [--json]`.
import { importAsBuilt } from './as-built.ts';

importAsBuilt();
await import('./search-trial.ts');
// The queue’s backend on Postgres leaves timers of up to an hour behind.
process.exit();
