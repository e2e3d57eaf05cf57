import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Family } from '../../tools/family.ts';
import { STATE } from '../../tools/set-up.ts';
import { SystemStage } from './system/stage.ts';
import { CONTROLLER_BUGS } from './seeded-bugs/controller-bugs.ts';
process.env.NODE_COMPILE_CACHE ??= path.join(STATE, 'compile-cache');
const family = new Family();
const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-play-'));
try {
  const stage = await SystemStage.set({ family, stateDir });
  for (const what of process.argv.slice(2)) {
    const bug = CONTROLLER_BUGS.find(({ name }) => name === what);
    const t = performance.now();
    try {
      const v = await stage.play(bug?.scenario ?? what, bug?.name);
      console.log(what, Math.round((performance.now() - t) / 100) / 10, 's', JSON.stringify(v).slice(0, 900));
    } catch (e) { console.log(what, 'FAILED', e); }
  }
  stage.close();
} finally { await family.end(); }
console.log(stateDir);
process.exit();
