import { expect, test } from 'vitest';
import { MemoryTable } from '../conntrack/memory/memory-table.ts';
import type { Breakdown, FlowContext } from '../conntrack/table.ts';
import { Sampler, type Collector } from './collector.ts';
import { tableCounters } from './counters.ts';
import { TableWalk } from './table-walk.ts';

/** A memory table whose walks end when the test says so. */
class SlowTable extends MemoryTable {
  readonly walks: ((breakdown?: Error) => void)[] = [];

  override async breakdown(context: FlowContext): Promise<Breakdown> {
    await new Promise<void>((resolve, reject) => this.walks.push((error) => (error ? reject(error) : resolve())));
    return super.breakdown(context);
  }
}

function sampler() {
  const clock = { ms: 1_000 };
  const errors: unknown[] = [];
  const table = new SlowTable({ now: () => clock.ms });
  const options = {
    table,
    context: () => ({ wans: [], protections: [] }),
    now: () => clock.ms,
    onError: (error: unknown) => errors.push(error),
  };
  const fail = (name: string, error: unknown): void => expect.unreachable(`${name}: ${String(error)}`);
  return { clock, errors, table, sampler: new Sampler([tableCounters(table), new TableWalk(options)], options.now, fail) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('a sample does not wait for the walk; the next one carries it', async () => {
  const { sampler: samples, table } = sampler();
  expect((await samples.sample()).breakdown).toBeUndefined();
  table.walks[0]!();
  await settle();
  const next = await samples.sample();
  expect(next.breakdown).toMatchObject({ atMs: 1_000n, walked: 0n });
  expect(next).toMatchObject({ atMs: 1_000n, count: 0n, max: 262_144n });
});

test('after a walk of 100 ms the next one waits two seconds', async () => {
  const { sampler: samples, table, clock } = sampler();
  await samples.sample();
  clock.ms += 100;
  table.walks[0]!();
  await settle();
  clock.ms += 1_999;
  await samples.sample();
  expect(table.walks).toHaveLength(1);
  clock.ms += 1;
  await samples.sample();
  expect(table.walks).toHaveLength(2);
});

test('a walk that fails is reported and does not stop the samples', async () => {
  const { sampler: samples, table, errors } = sampler();
  await samples.sample();
  table.walks[0]!(new Error('no table'));
  await settle();
  expect(errors).toEqual([new Error('no table')]);
  expect((await samples.sample()).breakdown).toBeUndefined();
});

const collector = (name: string, over: Partial<Collector>): Collector => ({ name, collect: async () => ({}), ...over });
const broken = async (): Promise<never> => Promise.reject(new Error('broken'));

test('a sample omits what a collector fails to deliver, and the failure names the collector', async () => {
  const failures: string[] = [];
  const collectors = [
    collector('a', { collect: async () => ({ count: 7n }) }),
    collector('b', { collect: broken }),
    collector('c', { collect: async ({ count }) => ({ max: count! * 2n }) }),
  ];
  const samples = new Sampler(
    collectors,
    () => 5,
    (name) => failures.push(name),
  );
  expect(await samples.sample()).toMatchObject({ atMs: 5n, count: 7n, max: 14n });
  expect(failures).toEqual(['b']);
});

test('there is no sample when a needed collector fails', async () => {
  const samples = new Sampler(
    [collector('a', { isNeeded: true, collect: broken })],
    () => 5,
    () => undefined,
  );
  await expect(samples.sample()).rejects.toThrow('broken');
});
