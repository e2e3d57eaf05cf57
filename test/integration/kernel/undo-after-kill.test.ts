import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Outcome, Result_State } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { NODE_FLAGS } from '../../faults/programs.ts';
import { createEntries } from '../../support/create-entries.ts';
import { Namespace } from '../../support/namespace.ts';
import { entryOf } from '../../support/sample-entries.ts';

const MANY = 15_000;
const PROGRAM = fileURLToPath(new URL('../../support/flush-program.ts', import.meta.url));
const why = Namespace.why();

describe.skipIf(why !== undefined)(`an agent that is killed -9 in the middle of a flush${why ? ` (skipped: ${why})` : ''}`, () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-killed-'));
  let namespace: Namespace;
  beforeAll(() => {
    namespace = Namespace.create('ctg-killed');
  });
  afterAll(() => {
    namespace.remove();
    rmSync(folder, { recursive: true });
  });
  const live = (deed: string): { signal: NodeJS.Signals | null; said: unknown[] } => {
    const { status, signal, stdout, stderr } = spawnSync(
      'ip',
      ['netns', 'exec', namespace.name, process.execPath, ...NODE_FLAGS, PROGRAM, folder, deed],
      { encoding: 'utf8' },
    );
    if (status !== 0 && signal === null) throw new Error(stderr);
    return {
      signal,
      said: stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as unknown),
    };
  };
  const outside = (): number => Number(namespace.run('conntrack', '-C'));
  const tuples = (): string =>
    namespace
      .run('conntrack', '-L', '-p', 'udp')
      .split('\n')
      .map((line) => line.match(/(src|dst|sport|dport)=\S+/g)?.join(' '))
      .filter(Boolean)
      .toSorted()
      .join('\n');

  test('restores by an undo all 15,000 entries that it had ended before and after the kill', () => {
    const leave = namespace.enter();
    createEntries(
      Array.from({ length: MANY }, (_, n) =>
        entryOf({
          proto: 17,
          orig: { src: `10.77.${n >> 8}.${n & 255}`, dst: '198.51.100.9', sport: 4001, dport: 1060 },
          timeoutSeconds: 600,
        }),
      ),
    );
    leave();
    const before = tuples();
    expect(outside()).toBe(MANY);
    expect(live('run')).toEqual({ signal: 'SIGKILL', said: [] });
    expect(outside()).toBe(MANY - 13_000);
    const [repeated] = live('recover').said as { commandId: string; state: Result_State; runs: { outcome: Outcome; count: number }[] }[];
    const counted = (outcome: Outcome): number =>
      repeated!.runs.filter((run) => run.outcome === outcome).reduce((sum, { count }) => sum + count, 0);
    expect([repeated!.state, counted(Outcome.OUTCOME_INDETERMINATE), counted(Outcome.OUTCOME_DELETED)]).toEqual([
      Result_State.STATE_DONE,
      13_000,
      2000,
    ]);
    expect(outside()).toBe(0);
    expect(live('undo').said).toEqual([
      { commandId: 'u1', state: Result_State.STATE_DONE, runs: [{ outcome: Outcome.OUTCOME_RESTORED, count: MANY }] },
    ]);
    expect(outside()).toBe(MANY);
    expect(tuples() === before).toBe(true);
  });
});
