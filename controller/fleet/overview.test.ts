import { expect, it } from 'vitest';
import { idOf, LIVES, reading } from '../../test/support/gateway-reading.ts';
import type { GatewayReading } from '../gateways/gateway-view.ts';
import { toMember } from './member.ts';
import { MAX_ROWS, MAX_TENANTS, MAX_TILES, overviewOf } from './overview.ts';

const membersOf = (readings: GatewayReading[]) => readings.map((one) => toMember(one, LIVES, 0));
const filling = (number: number, minutes: number) => reading(number, { usage: { count: 80, max: 100, minutesToFull: minutes } });

it('lists those that need attention most first, then those where flows may be stuck', () => {
  const standby = { name: 'w', interface: 'e', addresses: [], isUp: true };
  const { rows, figures } = overviewOf(
    membersOf([
      reading(1, { usage: { count: 10, max: 100 } }),
      filling(2, 50),
      filling(3, 20),
      reading(4, { closedAtMs: 0 }),
      reading(5, { row: { wans: [standby, { ...standby, carriesDefaultRoute: false }] }, usage: { count: 1 } }),
      reading(6, { usage: { count: 20, max: 100, lost: 4 } }),
    ]),
  );
  expect(rows.map(({ name }) => name)).toEqual(['gw3', 'gw2', 'gw6', 'gw4', 'gw5']);
  expect(figures).toMatchObject({
    gateways: 6,
    sites: 1,
    flows: 191,
    highestShare: 0.8,
    states: { online: 5, offline: 1 },
    needs: { filling: 2, drops: 1, offline: 1 },
  });
});

it('is bounded for any fleet: rows, tenants, and tiles only while they can be read', () => {
  const large = overviewOf(membersOf(Array.from({ length: MAX_TILES + 1 }, (_, n) => reading(n, { tenant: n, closedAtMs: 0 }))));
  expect([large.rows.length, large.tenants.length, large.otherTenants]).toEqual([MAX_ROWS, MAX_TENANTS, MAX_TILES + 1 - MAX_TENANTS]);
  expect([large.figures.gateways, large.figures.needs.offline, large.tenants[0]!.tiles]).toEqual([MAX_TILES + 1, MAX_TILES + 1, undefined]);
  const small = overviewOf(membersOf([reading(2, { usage: { count: 50, max: 100 } }), reading(1, { closedAtMs: 0 })]));
  expect(small.tenants[0]).toMatchObject({
    bands: [0, 0, 1, 0, 0, 0, 1],
    needs: 1,
    tiles: [
      { name: 'gw1', state: 'offline', why: 'offline' },
      { name: 'gw2', percent: 50 },
    ],
  });
});

it('leaves out of a row what only the page of the gateway shows', () => {
  const { rows } = overviewOf(
    membersOf([
      reading(1, {
        row: { capabilities: { can: ['a'], cannot: {} }, guard: { isReadOnly: false, methods: [], protected: [] } },
        usage: {
          count: 99,
          max: 100,
          cpus: [{ cpu: 0 }],
          topSources: [
            { address: '192.0.2.1', flows: 2 },
            { address: '192.0.2.2', flows: 1 },
          ],
        },
      }),
    ]),
  );
  expect(Object.keys(rows[0]!)).not.toContain('guard');
  expect([rows[0]!.capabilities, rows[0]!.usage!.cpus, rows[0]!.usage!.topSources]).toEqual([
    undefined,
    undefined,
    [{ address: '192.0.2.1', flows: 2 }],
  ]);
});

it('names what cannot be shown, and counts the rest', () => {
  const { figures, unreadable } = overviewOf(membersOf([reading(1, { usage: { count: NaN } }), reading(2)]));
  expect([figures.gateways, unreadable]).toEqual([1, [{ id: idOf(1), reason: 'NaN is not a number that can be shown' }]]);
});
