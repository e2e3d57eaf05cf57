import { expect, test } from 'vitest';
import { MemoryTable } from '../conntrack/memory/memory-table.ts';
import type { Breakdown, FlowContext } from '../conntrack/table.ts';
import { TableSampler } from './table-sample.ts';

/** A memory table whose walks take as long as the test says. */
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
    wans: () => [],
    now: () => clock.ms,
    onError: (error: unknown) => errors.push(error),
  };
  return { clock, errors, table, sampler: new TableSampler(options) };
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

test('after a walk of 100 ms the table rests for two seconds', async () => {
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

test('a walk that fails is told and does not end the samples', async () => {
  const { sampler: samples, table, errors } = sampler();
  await samples.sample();
  table.walks[0]!(new Error('no table'));
  await settle();
  expect(errors).toEqual([new Error('no table')]);
  expect((await samples.sample()).breakdown).toBeUndefined();
});
