// npm run format: writes all sources in the one layout that `npm run check` asks for.
import { runTool } from './checks/run.ts';
import { FORMATTED } from './checks/static.ts';

process.exit((await runTool('oxfmt', FORMATTED)) ? 0 : 1);
