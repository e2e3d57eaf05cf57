// Random policies on gateways of their own, each applied and then confirmed or not, while programs are killed, disks fail and firewalls are
// loaded again. Started by tools/faults.ts. [--count N] [--seed N] [--at-once N] [--json]
import fc from 'fast-check';
import { parseArgs } from 'node:util';
import { arbitraryTrial } from './policies/arbitrary-trial.ts';
import { playTrial, type Played } from './policies/play-trial.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    'at-once': { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
  },
});
const [count, seed, atOnce] = [Number(values.count), Number(values.seed), Number(values['at-once'])];
const trials = fc.sample(arbitraryTrial, { numRuns: count, seed });
/** What an operator is promised. */
const MAX_LATE_MS = 5000;
const played: Played[] = [];
const began = performance.now();
const waiting = trials.entries();
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (const [number, trial] of waiting) {
      const one = await playTrial(trial, 'ctp');
      if (one.lateMs !== undefined && one.lateMs > MAX_LATE_MS) one.broken.push(`put back ${one.lateMs} ms after the deadline`);
      played.push(one);
      const said = { trial: number, end: trial.end, killAt: trial.killAt, fault: trial.fault, isFlushed: trial.isFlushed, ...one };
      if (values.json) console.log(JSON.stringify(said));
      else if (one.broken.length > 0)
        console.log(`BROKEN in trial ${number} of seed ${seed}: ${one.broken.join('; ')} (${JSON.stringify(said)})`);
    }
  }),
);
const counted = (is: (one: Played) => boolean): number => played.filter(is).length;
const broken = counted((one) => one.broken.length > 0);
console.log(
  JSON.stringify({
    summary: true,
    trials: played.length,
    kept: counted(({ outcome }) => outcome === 'kept'),
    asBefore: counted(({ outcome }) => outcome === 'as before'),
    notBegun: counted(({ outcome }) => outcome === 'not begun'),
    killed: counted(({ wasKilled }) => wasKilled),
    faults: trials.filter(({ fault }) => fault).length,
    flushed: trials.filter(({ isFlushed, end }) => isFlushed && end !== 'confirmed').length,
    rebuilt: trials.filter(({ end }) => end === 'rebuilt').length,
    worstLateMs: Math.max(...played.map(({ lateMs = 0 }) => lateMs)),
    broken,
    seconds: Math.round((performance.now() - began) / 1000),
  }),
);
process.exit(broken > 0 ? 1 : 0);
