import { describe, expect, it } from 'vitest';
import { mergeDrift, type DriftRow } from './drift-merge.ts';
import type { ReportedDrift } from './reported.ts';

const NOW = new Date('2026-11-30T03:00:00Z');
const EARLIER = new Date('2026-11-30T02:00:00Z');
const reported = (path: string, more: Partial<ReportedDrift> = {}): ReportedDrift => ({
  path,
  wanted: '1h',
  actual: '2h',
  since: EARLIER,
  process: null,
  state: 'open',
  ...more,
});
const row = (path: string, more: Partial<DriftRow> = {}): DriftRow => ({
  ...reported(path),
  id: `id of ${path}`,
  overAt: null,
  resolveWay: null,
  resolveUntil: null,
  ...more,
});
const whole = (...drift: ReportedDrift[]) => ({ drift, isWhole: true });
const paths = (list: readonly { path: string }[]) => list.map(({ path }) => path);

describe('a report of drift', () => {
  it('begins what is new, once', () => {
    const merge = mergeDrift([], whole(reported('a'), reported('b')), NOW);
    expect([paths(merge.created), paths(merge.begun), merge.ended]).toEqual([['a', 'b'], ['a', 'b'], []]);
    expect(mergeDrift([row('a'), row('b')], whole(reported('a'), reported('b')), NOW)).toEqual({
      created: [],
      updated: [],
      begun: [],
      ended: [],
    });
  });

  it('is about the same value if that differs otherwise now, since when it first did; what was decided was about the other', () => {
    const decided = { resolveWay: 'restore', resolveUntil: NOW };
    const later = new Date(NOW.getTime() - 1);
    const merge = mergeDrift([row('a', decided)], whole(reported('a', { actual: '3h', since: later, process: 'nft (pid 1)' })), NOW);
    expect(merge).toEqual({
      created: [],
      updated: [row('a', { actual: '3h', process: 'nft (pid 1)' })],
      begun: [],
      ended: [],
    });
  });

  it('keeps what was decided for as long as the value is the same', () => {
    const decided = { resolveWay: 'restore', resolveUntil: NOW };
    expect(mergeDrift([row('a', decided)], whole(reported('a')), NOW).updated).toEqual([]);
    const [ignored] = mergeDrift(
      [row('a', { resolveWay: 'ignore', resolveUntil: NOW })],
      whole(reported('a', { state: 'ignored' })),
      NOW,
    ).updated;
    expect(ignored).toMatchObject({ state: 'ignored', resolveWay: null, resolveUntil: null });
  });

  it('ends what is set again, by when it began, and what it does not name any more', () => {
    const skewed = new Date(EARLIER.getTime() + 300);
    const merge = mergeDrift([row('a'), row('b')], whole(reported('a', { state: 'over', since: skewed })), NOW);
    expect([paths(merge.ended), merge.created, merge.begun]).toEqual([['a', 'b'], [], []]);
    expect(merge.updated).toEqual([row('a', { state: 'over', overAt: NOW }), row('b', { state: 'over', overAt: NOW })]);
    const again = mergeDrift(merge.updated, whole(reported('a', { state: 'over', since: skewed })), NOW);
    expect([again.updated, again.ended]).toEqual([[], []]);
  });

  it('begins and ends what was over before it could be told', () => {
    const merge = mergeDrift([], whole(reported('a', { state: 'over' })), NOW);
    expect([paths(merge.begun), paths(merge.ended), merge.created[0]!.overAt]).toEqual([['a'], ['a'], NOW]);
  });

  it('has a value that differs again as another drift than the one before', () => {
    const merge = mergeDrift([row('a')], whole(reported('a', { since: NOW }), reported('a', { state: 'over' })), NOW);
    expect([paths(merge.ended), paths(merge.begun)]).toEqual([['a'], ['a']]);
    expect([merge.updated[0]!.state, merge.created[0]!.state]).toEqual(['over', 'open']);
  });

  it('ends nothing that it does not name where it may not be whole', () => {
    expect(mergeDrift([row('a')], { drift: [], isWhole: false }, NOW)).toEqual({ created: [], updated: [], begun: [], ended: [] });
  });

  it('begins nothing where it is already ignored', () => {
    const merge = mergeDrift([], whole(reported('a', { state: 'ignored' })), NOW);
    expect([paths(merge.created), merge.begun]).toEqual([['a'], []]);
  });
});
