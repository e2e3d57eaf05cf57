import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Gathering, type Gathered, type Limits } from './gathering.ts';

const LIMITS: Limits = { gatherMs: 200, ofRun: { samples: 100, bytes: 10_000 }, held: { samples: 300, bytes: 30_000 } };

class Item implements Gathered {
  bytes = 10;
  isGone = false;
  state = 'outside';
  readonly gatewayId: string;
  readonly samples: number;

  constructor(gatewayId: string, samples = 1) {
    [this.gatewayId, this.samples] = [gatewayId, samples];
  }
}

let runs: string[][];
let breaks: (items: Item[]) => boolean;
let finish: (() => void) | undefined;
let isSlow: boolean;
let gathering: Gathering<Item>;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  [runs, breaks, isSlow, finish] = [[], () => false, false, undefined];
  const store = async (items: Item[]): Promise<void> => {
    runs.push(items.map(({ gatewayId }) => gatewayId));
    if (isSlow)
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    if (breaks(items)) throw new Error(`cannot store ${items.length}`);
  };
  gathering = new Gathering(store, LIMITS, () => undefined);
});
afterEach(() => void vi.useRealTimers());

function accept(item: Item): Item {
  void gathering.accept(item).then(async ({ stored }) => {
    item.state = 'held';
    item.state = await stored.then(
      (isStored) => (isStored ? 'stored' : 'given up'),
      (error: Error) => error.message,
    );
  });
  return item;
}
const many = (count: number, samples = 1): Item[] => Array.from({ length: count }, (_, at) => accept(new Item(`gw${at}`, samples)));
const states = (items: Item[]): string[] => [...new Set(items.map(({ state }) => state))];
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('gathering', () => {
  it('what arrives within the time is one run', async () => {
    const items = many(3);
    await pass(199);
    expect(runs).toEqual([]);
    items.push(accept(new Item('late')));
    await pass(1);
    expect(runs).toEqual([['gw0', 'gw1', 'gw2', 'late']]);
    expect(states(items)).toEqual(['stored']);
  });

  it('a full run begins at once, and takes no more than a run may', async () => {
    many(5, 40);
    await pass(0);
    expect(runs).toEqual([
      ['gw0', 'gw1'],
      ['gw2', 'gw3'],
    ]);
    await pass(200);
    expect(runs[2]).toEqual(['gw4']);
  });

  it('one run at a time: what arrives meanwhile is in the next', async () => {
    isSlow = true;
    many(2);
    await pass(200);
    accept(new Item('next'));
    await pass(1000);
    expect(runs).toHaveLength(1);
    finish!();
    await pass(200);
    expect(runs).toEqual([['gw0', 'gw1'], ['next']]);
  });
});

describe('what cannot be stored', () => {
  it('is told to its own gateway only: all others are stored', async () => {
    breaks = (items) => items.some(({ gatewayId }) => gatewayId === 'gw37');
    const items = many(64);
    await pass(2000);
    expect(states(items.filter(({ gatewayId }) => gatewayId !== 'gw37'))).toEqual(['stored']);
    expect(items[37]!.state).toBe('cannot store 1');
    expect(runs.filter((run) => run.includes('gw37')).length).toBeLessThan(12);
  });

  it('does not slow down those that come later', async () => {
    breaks = (items) => items.some(({ gatewayId }) => gatewayId === 'gw0');
    many(8);
    await pass(2000);
    const later = Array.from({ length: 50 }, (_, at) => accept(new Item(`later${at}`)));
    const before = runs.length;
    await pass(200);
    expect(states(later)).toEqual(['stored']);
    expect(runs.length - before).toBeLessThan(5);
  });

  it('is kept while nothing can be stored, tried less and less often, and all of it is stored afterwards', async () => {
    breaks = () => true;
    const items = many(50);
    await pass(60_000);
    expect(states(items)).toEqual(['held']);
    const tries = runs.length;
    await pass(60_000);
    expect(runs.length - tries).toBe(12);
    breaks = () => false;
    await pass(6000);
    expect(states(items)).toEqual(['stored']);
    expect(gathering.room.held).toEqual({ samples: 0, bytes: 0 });
  });
});

describe('what is held', () => {
  it('is bounded: beyond it nothing is accepted, until there is room, first come first served', async () => {
    isSlow = true;
    const items = many(10, 50);
    await pass(200);
    expect(items.map(({ state }) => state)).toEqual([...Array<string>(6).fill('held'), ...Array<string>(4).fill('outside')]);
    finish!();
    await pass(0);
    expect(items.map(({ state }) => state).slice(6)).toEqual(['held', 'held', 'outside', 'outside']);
    expect(gathering.room.peak.samples).toBe(300);
  });

  it('is bounded in bytes too', async () => {
    isSlow = true;
    const [first, second] = [new Item('a'), new Item('b')];
    first.bytes = 20_000;
    second.bytes = 10_001;
    accept(first);
    accept(second);
    await pass(0);
    expect([first.state, second.state]).toEqual(['held', 'outside']);
  });

  it('is one item of a gateway', async () => {
    isSlow = true;
    const [first, second] = [accept(new Item('gw')), accept(new Item('gw'))];
    await pass(200);
    expect([first.state, second.state]).toEqual(['held', 'outside']);
    finish!();
    await pass(0);
    expect([first.state, second.state]).toEqual(['stored', 'held']);
  });

  it('is stored also if it was let in at the moment at which nothing else waited', async () => {
    const items = [1, 2, 3].map(() => accept(new Item('gw')));
    await pass(600);
    expect(states(items)).toEqual(['stored']);
  });

  it('makes room once its session has ended', async () => {
    breaks = () => true;
    const first = accept(new Item('gw'));
    await pass(200);
    const second = accept(new Item('gw'));
    first.isGone = true;
    breaks = () => false;
    await pass(5000);
    expect([first.state, second.state]).toEqual(['given up', 'stored']);
    expect(runs).toEqual([['gw'], ['gw']]);
  });
});

it('after a stop nothing more is stored', async () => {
  const items = many(3);
  await gathering.stop();
  await pass(10_000);
  expect(runs).toEqual([]);
  expect(states(items)).toEqual(['held']);
});
