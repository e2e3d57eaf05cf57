import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { NODE_FLAGS } from '../faults/programs.ts';
import type { TrialName } from './fuzz/trials.ts';

const MAIN = path.join(import.meta.dirname, 'fuzz/main.ts');
/** How long each slice goes on; without it, a slice is so many frames or calls, whatever the machine. */
const SECONDS = process.env.CTFLEET_FUZZ_SECONDS;
const SLICE_MS = 300_000;

interface Summary {
  crashes: number;
  rssGrowthMb: number;
  findings: { kind: string; count: number }[];
}

/** Runs a trial as `npm run attacks` does: in a process of its own, from its sources. */
async function play(trial: TrialName, count: number): Promise<Summary> {
  const limits = SECONDS === undefined ? ['--count', String(count)] : ['--seconds', SECONDS];
  const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, trial, '--seed', '31', ...limits], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  return JSON.parse(output) as Summary;
}

describe('F31: a slice of a million (npm run attacks -- NAME runs the whole)', () => {
  it.each([
    ['frames-to-controller', 'mutated frames over live sessions hurt neither the controller, nor its pages, nor honest gateways', 6000],
    ['frames-to-agent', 'mutated frames of a controller leave the agent alive, answering, and in possession of its flows', 8000],
    ['requests', 'generated calls are never answered with 500, nor with what is inside', 6000],
  ] as const)(
    '%s: %s',
    async (trial, _, count) => {
      const { crashes, rssGrowthMb, findings } = await play(trial, count);
      expect(findings).toEqual([]);
      expect(crashes).toBe(0);
      expect(rssGrowthMb).toBeLessThan(100);
    },
    SLICE_MS + Number(SECONDS ?? 0) * 1000,
  );
});
