import { beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, makeIntermediate, makeRoot, type Keyed } from '../identity/certificates.ts';
import type { IssuerRow, State } from '../identity/kept.ts';
import { dueStep, endsOf } from './care.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const KEY = new Uint8Array([1]);
let root: Keyed;
let first: Keyed;
let second: Keyed;

beforeAll(async () => {
  root = await makeRoot(START);
  first = await makeIntermediate(root, START);
  second = await makeIntermediate(root, START + 365 * DAY_MS);
});

const after = (days: number): Date => new Date(START + days * DAY_MS);

function issuer(
  id: string,
  { certificate }: Keyed,
  own: Partial<IssuerRow> & { rootKey?: Uint8Array<ArrayBuffer> | null; source?: string } = {},
): IssuerRow {
  const { rootKey = KEY, source = 'made', ...rest } = own;
  return {
    id,
    rootId: 'r',
    certificate,
    chain: '',
    sealedKey: KEY,
    createdAt: after(0),
    retiredAt: null,
    isAutomatic: false,
    root: { id: 'r', certificate: root.certificate, sealedKey: rootKey, source, createdAt: after(0), exportedAt: null, keyRemovedAt: null },
    ...rest,
  };
}

const steady = (...issuers: IssuerRow[]) => ({
  state: { phase: 'steady', current: 'a', since: after(0), version: 1 } satisfies State,
  issuers,
});

function rotating(phase: 'prepared' | 'switched', sinceDays: number, next: Partial<IssuerRow> = {}) {
  const issuers = [issuer('a', first), issuer('b', second, { createdAt: after(366), isAutomatic: true, ...next })];
  return { state: { phase, current: 'a', next: 'b', since: after(sinceDays), version: 2 } satisfies State, issuers };
}

describe('an intermediate replaces itself', () => {
  it('at half of its life, and not before', () => {
    expect(dueStep(steady(issuer('a', first)), [], after(364).getTime())).toBeUndefined();
    expect(dueStep(steady(issuer('a', first)), [], after(366).getTime())).toBe('prepare');
  });

  it('not without its root’s key, where it is a company’s, or where it is the root itself', () => {
    const at = after(600).getTime();
    expect(dueStep(steady(issuer('a', first, { rootKey: null })), [], at)).toBeUndefined();
    expect(dueStep(steady(issuer('a', first, { rootKey: null, source: 'company' })), [], at)).toBeUndefined();
    expect(dueStep(steady(issuer('a', root, { source: 'adopted' })), [], after(3600).getTime())).toBeUndefined();
  });

  it('not where the next would end with the root as well', async () => {
    const late = await makeIntermediate(root, START + 3500 * DAY_MS);
    expect(dueStep(steady(issuer('a', late)), [], after(3640).getTime())).toBeUndefined();
  });

  it('not for a month after somebody gave up what was prepared', () => {
    const gaveUp = issuer('b', second, { isAutomatic: true, createdAt: after(366), retiredAt: after(367) });
    expect(dueStep(steady(issuer('a', first), gaveUp), [], after(380).getTime())).toBeUndefined();
    expect(dueStep(steady(issuer('a', first), gaveUp), [], after(400).getTime())).toBe('prepare');
  });

  it('switches after an hour, and retires after a day, once no gateway is on the old one', () => {
    expect(dueStep(rotating('prepared', 366), [], after(366.01).getTime())).toBeUndefined();
    expect(dueStep(rotating('prepared', 366), [], after(366.05).getTime())).toBe('switch');
    const on = (id: string) => [{ id: 'g', name: 'g', issuer: id }];
    expect(dueStep(rotating('switched', 366.05), on('b'), after(366.5).getTime())).toBeUndefined();
    expect(dueStep(rotating('switched', 366.05), on('a'), after(500).getTime())).toBeUndefined();
    expect(dueStep(rotating('switched', 366.05), on('b'), after(368).getTime())).toBe('retire');
  });

  it('leaves to people what they prepared, or took a step back in', () => {
    expect(dueStep(rotating('prepared', 366, { isAutomatic: false }), [], after(500).getTime())).toBeUndefined();
    expect(dueStep(rotating('switched', 367, { isAutomatic: false }), [], after(500).getTime())).toBeUndefined();
    expect(dueStep(rotating('prepared', 370), [], after(500).getTime())).toBeUndefined();
  });
});

describe('somebody is told', () => {
  const kindsDue = (kept: Parameters<typeof endsOf>[0], days: number, controllers: { name: string; endsAt: Date }[] = []) =>
    endsOf(kept, [], controllers, after(days).getTime()).flatMap(({ kind, remedy }) =>
      remedy === undefined ? [] : [`${kind}: ${remedy}`],
    );

  it('sixty days before an intermediate ends that does not replace itself, with the way out', () => {
    const removed = steady(issuer('a', first, { rootKey: null }));
    expect(kindsDue(removed, 669)).toEqual([]);
    expect(kindsDue(removed, 671)).toEqual([expect.stringContaining('intermediate: The root’s key was removed')]);
    const company = steady(issuer('a', first, { rootKey: null, source: 'company' }));
    expect(kindsDue(company, 671)).toEqual([expect.stringContaining('Have it issue another intermediate')]);
  });

  it('sixty days before a root ends, whose intermediate ends with it', async () => {
    const late = await makeIntermediate(root, START + 3400 * DAY_MS);
    expect(kindsDue(steady(issuer('a', late)), 3580)).toEqual([]);
    expect(kindsDue(steady(issuer('a', late)), 3591)).toEqual([
      expect.stringContaining('root: Everything below it ends with it'),
      expect.stringContaining('intermediate: It ends with its root'),
    ]);
  });

  it('fifteen days before what a controller presents ends, which it should have renewed', () => {
    const controllers = [{ name: 'ctl-1:4444', endsAt: after(90) }];
    expect(kindsDue(steady(issuer('a', first)), 74, controllers)).toEqual([]);
    expect(kindsDue(steady(issuer('a', first)), 76, controllers)).toEqual([expect.stringContaining('controller: It should have renewed')]);
  });

  it('which gateways hold up a rotation near its end, by their number', () => {
    const ends = endsOf(rotating('switched', 367), [{ id: 'g', name: 'g', issuer: 'a' }], [], after(700).getTime());
    expect(ends[0]).toMatchObject({ kind: 'intermediate', remedy: expect.stringContaining('Not renewed yet: 1 gateway;') });
  });
});
