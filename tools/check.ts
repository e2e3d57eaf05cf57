// npm run check: types, lint and unit tests.
import { staticChecks } from './checks/static.ts';
import { runProjects } from './checks/vitest.ts';
import { say } from './say.ts';
import { generate } from './set-up.ts';

await generate();
const { failed } = await staticChecks();
const unit = await runProjects(['unit', 'codec']);
if (failed.length > 0) say(`failed: ${failed.join(', ')}`);
process.exit(failed.length > 0 || unit.failed > 0 ? 1 : 0);
