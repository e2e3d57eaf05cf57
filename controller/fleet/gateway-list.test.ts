import { expect, it } from 'vitest';
import { listGateways } from '../../proto/http/fleet.ts';
import { idOf, LIVES, reading } from '../../test/support/gateway-reading.ts';
import { formatCursor } from '../platform/cursor.ts';
import { FleetState } from './fleet-state.ts';
import { listOf } from './gateway-list.ts';

const state = new FleetState(LIVES);
state.put(
  [],
  Array.from({ length: 30 }, (_, n) =>
    reading(n + 1, {
      tenant: 1 + (n % 2),
      siteName: n < 15 ? 'Milano' : 'Lyon',
      closedAtMs: n % 10 === 0 ? 0 : undefined,
      row: { tags: n === 3 ? ['VoIP'] : [] },
    }),
  ),
  0,
);
const mine = state.seenBy(new Set([idOf(1001)]));
const ask = (query: Record<string, string>, seen = state.seenBy('all')) => listOf(seen, listGateways.query.parse(query));

it('every gateway is on exactly one page, in both orders', () => {
  for (const order of ['name', 'place'] as const) {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = ask({ limit: '7', order, ...(cursor !== undefined && { cursor }) });
      expect(page.total).toBe(30);
      ids.push(...page.items.map(({ id }) => id));
      ({ cursor } = page);
    } while (cursor !== undefined);
    expect([ids.length, new Set(ids).size]).toEqual([30, 30]);
  }
});

it('narrows by tenant, site, state, tag and text, and counts what matches', () => {
  const total = (query: Record<string, string>) => ask(query).total;
  expect([
    total({ tenant: idOf(1002) }),
    total({ state: 'offline' }),
    total({ needs: 'attention' }),
    total({ tag: 'VoIP' }),
    total({ text: 'voip' }),
    total({ text: 'LYON' }),
  ]).toEqual([15, 3, 3, 1, 1, 15]);
  expect(total({ text: 'gw3', tenant: idOf(1002) })).toBe(1);
});

it('ids, filters and cursors of another tenant lead nowhere', () => {
  expect(ask({ ids: `${idOf(1)},${idOf(2)}` }, mine).items.map(({ id }) => id)).toEqual([idOf(1)]);
  expect(ask({ tenant: idOf(1002) }, mine).total).toBe(0);
  expect(ask({ gateway: idOf(2) }, mine).total).toBe(0);
  const { cursor } = ask({ tenant: idOf(1002), limit: '1' });
  expect(ask({ cursor: cursor! }, mine).items.every(({ tenantId }) => tenantId === idOf(1001))).toBe(true);
});

it('a page goes on where its cursor is, though that gateway is gone', () => {
  expect(ask({ limit: '2', cursor: formatCursor(['gw5b', idOf(500)]) }).items.map(({ name }) => name)).toEqual(['gw6', 'gw7']);
});

it('a cursor of another order is refused', () => {
  const { cursor } = ask({ limit: '1', order: 'place' });
  expect(() => ask({ cursor: cursor! })).toThrow('another order');
});
