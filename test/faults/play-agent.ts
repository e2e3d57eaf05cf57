// Plays scenarios of one gateway, by name or all of them, and prints what broke in each as JSON. A bug is preloaded with
// seeded-bugs/plant.ts.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AGENT_SCENARIOS } from './agent-scenarios.ts';
import { AgentStage } from './agent-stage.ts';
import { PowerCutDisk } from './disk.ts';
import { checkInvariants } from './invariants.ts';

const asked = process.argv.slice(2);
const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-stage-'));
try {
  const disk = new PowerCutDisk(root);
  for (const [name, play] of Object.entries(AGENT_SCENARIOS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    disk.fault = undefined;
    const stage = await AgentStage.set(disk);
    await play(stage);
    console.log(JSON.stringify({ scenario: name, deeds: stage.history.deeds.length, violations: checkInvariants(stage.history) }));
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
