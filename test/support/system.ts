import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { demoFleet } from '../../tools/demo/fleet.ts';
import type { Simulation } from '../../tools/demo/gateways.ts';
import { System } from '../../tools/demo/system.ts';
import { ProcessGroup } from '../../tools/process-group.ts';
import { freePort } from '../../tools/free-port.ts';
import { ROOT } from '../../tools/set-up.ts';

export { until } from './until.ts';

/**
 * A whole system of real parts in a folder of its own, as `npm start` sets it up, and the way to end it. `guard`: the guard file of every
 * gateway; none if absent.
 */
export async function startTestSystem(options: {
  gateways: number;
  simulated?: number;
  withTraffic?: boolean;
  withConsole?: boolean;
  controllerEnv?: Record<string, string>;
  agentEnv?: Record<string, string>;
  guard?: string;
  simulation?: Simulation;
}): Promise<{ system: System; stateDir: string; end: () => Promise<void> }> {
  if (!existsSync(path.join(ROOT, 'build/controller/main.js'))) throw new Error('build/ is missing: run `npm run build` first');
  const stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-test-'));
  const family = new ProcessGroup();
  const end = async () => {
    await family.end();
    rmSync(stateDir, { recursive: true, force: true });
  };
  try {
    const system = await System.start({
      family,
      stateDir,
      fleet: demoFleet(options.gateways, options.simulated ?? 0, 'kernel'),
      withTraffic: options.withTraffic ?? true,
      consolePort: await freePort(),
      console: options.withConsole ? 'built' : undefined,
      controllerEnv: options.controllerEnv,
      simulation: options.simulation,
      agentEnv: { ...options.agentEnv, ...(options.guard !== undefined && { CTFLEET_GUARD_FILE: writeGuard(stateDir, options.guard) }) },
    });
    return { system, stateDir, end };
  } catch (error) {
    await end();
    throw error;
  }
}

function writeGuard(folder: string, text: string): string {
  const file = path.join(folder, 'guard.yaml');
  writeFileSync(file, text);
  return file;
}
