import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NODE_FLAGS } from '../faults/programs.ts';
import { AgentFrames, kindOf } from './fuzz/agent-frames.ts';
import { ControllerFrames, isDecodable } from './fuzz/controller-frames.ts';
import { KnownIds } from './fuzz/known-ids.ts';
import { readOperations } from './fuzz/pages.ts';
import { Random } from './fuzz/random.ts';
import { RequestMaker, type MadeRequest } from './fuzz/request-maker.ts';
import { IS_WHOLE } from '../support/whole.ts';
import { MAX_GROWTH_MB, type TrialName } from './fuzz/trials.ts';

const MAIN = path.join(import.meta.dirname, 'fuzz/main.ts');
/** How long each slice runs; if unset, a slice is a fixed number of frames or calls, whatever the machine. */
const SECONDS = process.env.CTFLEET_FUZZ_SECONDS;
const SLICE_MS = 300_000;
const SHARE = IS_WHOLE ? 1 : 0.6;
const SEED = 31;
/** Frames are of all sizes, up to the largest. */
const FRAMES = 250;
const CALLS = 2000;

interface Summary {
  crashes: number;
  rssGrowthMb: number;
  findings: { kind: string; count: number }[];
}

/** Runs a trial as `npm run attacks` does: in a separate process, from its sources. */
async function play(trial: TrialName, count: number): Promise<Summary> {
  const limits = SECONDS === undefined ? ['--count', String(count)] : ['--seconds', SECONDS];
  const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, trial, '--seed', String(SEED), ...limits], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  return JSON.parse(output) as Summary;
}

function many<T>(length: number, make: () => T): T[] {
  return Array.from({ length }, make);
}

function textOf({ operation, path: place, headers, body }: MadeRequest): string {
  return `${operation.id} ${place} ${JSON.stringify(headers)} ${body?.toString('hex') ?? ''}`;
}

describe('F31: what the trials send', () => {
  afterEach(() => vi.useRealTimers());

  const gateway = (): AgentFrames => new AgentFrames(new Random(SEED), new KnownIds());
  const controller = (): ControllerFrames => new ControllerFrames(new Random(SEED), new KnownIds());
  const caller = (): RequestMaker => new RequestMaker(new Random(SEED), new KnownIds(), readOperations());

  it.each([
    ['frames of a gateway', (frames = gateway()) => many(FRAMES, () => frames.any(['a-command']).toString('hex'))],
    ['frames of a controller', (frames = controller()) => many(FRAMES, () => frames.any().toString('hex'))],
    ['calls', (calls = caller()) => many(CALLS, () => textOf(calls.make()))],
  ] as [string, () => string[]][])('%s are the same for the same seed', (_, make) => {
    vi.useFakeTimers({ now: 1_800_000_000_000, toFake: ['Date'] });
    expect(make().join('\n') === make().join('\n')).toBe(true);
  });

  it('gets past the decoders: most frames can be decoded, and some cannot', () => {
    const [ofGateway, ofController] = [gateway(), controller()];
    for (const decodable of [
      many(FRAMES, () => kindOf(ofGateway.any(['a-command'])) === 'decodable'),
      many(FRAMES, () => isDecodable(ofController.any())),
    ]) {
      const count = decodable.filter(Boolean).length;
      expect(count).toBeGreaterThan(FRAMES * 0.6);
      expect(count).toBeLessThan(FRAMES);
    }
  });

  it('calls every operation of the API', () => {
    const calls = caller();
    const called = new Set(many(CALLS, () => calls.make().operation.id));
    expect([...called].sort()).toEqual(
      readOperations()
        .map(({ id }) => id)
        .sort(),
    );
  });
});

describe('F31: a slice of a million (npm run attacks -- NAME runs all of it)', () => {
  it.each([
    ['frames-to-controller', 'mutated frames over live sessions harm neither the controller, nor its pages, nor honest gateways', 2000],
    ['frames-to-agent', 'mutated frames from a controller leave the agent alive, answering, and with all its flows', 3000],
    ['requests', 'generated calls are never answered with 500, nor with internals', 2000],
    ['policy-documents', 'what is read of mistyped policies is loaded by nft, listed as the same, and touches no other table', 1000],
  ] as const)(
    '%s: %s',
    async (trial, _, count) => {
      const { crashes, rssGrowthMb, findings } = await play(trial, count * SHARE);
      expect(findings).toEqual([]);
      expect(crashes).toBe(0);
      expect(rssGrowthMb).toBeLessThan(MAX_GROWTH_MB);
    },
    SLICE_MS + Number(SECONDS ?? 0) * 1000,
  );
});
