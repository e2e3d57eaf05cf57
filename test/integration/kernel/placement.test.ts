import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KernelTable } from '../../../agent/conntrack/kernel/kernel-table.ts';
import type { Placement } from '../../../agent/conntrack/kernel/placement.ts';
import { Namespace } from '../../support/namespace.ts';

const why = Namespace.why();

describe.skipIf(why !== undefined)(`the thread that walks the kernel’s table${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  let leave: () => void;
  beforeAll(() => {
    namespace = Namespace.create('ctg-place');
    leave = namespace.enter();
  });
  afterAll(() => {
    leave();
    namespace.remove();
  });

  test('has the reported priority and CPUs, and the other threads keep theirs', async () => {
    const before = threads();
    const said = Promise.withResolvers<Placement>();
    const table = new KernelTable({ onPlaced: said.resolve });
    await table.counters();
    await table.expectations();
    const { niceness, cpus: allowed, avoided } = await said.promise;
    expect(threads().filter((one) => one.niceness === niceness && one.cpus.join() === allowed!.join())).not.toEqual([]);
    expect(threads().filter(({ id }) => before.some((one) => one.id === id))).toEqual(before);
    if (avoided !== undefined) expect([allowed!.includes(avoided), cpus().length > 1]).toEqual([false, true]);
    await table.close();
  });
});

interface Thread {
  id: string;
  niceness: number;
  cpus: number[];
}

function threads(): Thread[] {
  return readdirSync('/proc/self/task').map((id) => {
    const list = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync(`/proc/self/task/${id}/status`, 'utf8'))![1]!;
    const afterName = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return { id, niceness: Number(afterName[16]), cpus: list.split(',').flatMap(range) };
  });
}

/** `0-3` or `5`. */
function range(text: string): number[] {
  const [from, to = from] = text.split('-').map(Number) as [number, number?];
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
