// npm run format: formats all sources as `npm run check` requires.
import { runTool } from './checks/run.ts';
import { FORMATTED } from './checks/static.ts';

process.exit((await runTool('oxfmt', FORMATTED)) ? 0 : 1);
