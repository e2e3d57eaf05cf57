import { describe, expect, it } from 'vitest';
import { frictionOf, type Reach } from './friction.ts';

const small: Reach = { isEverything: false, tenants: 1, sites: 1, gateways: [{ flows: 20, tableCount: 10_000 }] };

describe('friction', () => {
  it.each<[string, Partial<Reach>, string]>([
    ['a few flows on one gateway', {}, 'none'],
    [
      'a few flows on two gateways of one site',
      {
        gateways: [
          { flows: 5, tableCount: 9000 },
          { flows: 5, tableCount: 9000 },
        ],
      },
      'count-in-button',
    ],
    ['some hundred flows', { gateways: [{ flows: 312, tableCount: 10_000 }] }, 'count-in-button'],
    ['more than a thousand flows', { gateways: [{ flows: 1001, tableCount: 1_000_000 }] }, 'type-count'],
    ['a large share of a table', { gateways: [{ flows: 300, tableCount: 1000 }] }, 'type-count'],
    ['a table of unknown size', { gateways: [{ flows: 300 }] }, 'type-count'],
    ['two sites', { sites: 2 }, 'type-count'],
    ['two tenants', { tenants: 2, sites: 2 }, 'type-count'],
    ['everything', { isEverything: true }, 'type-count'],
    ['nothing', { tenants: 0, sites: 0, gateways: [] }, 'none'],
  ])('for %s', (_, change, expected) => expect(frictionOf({ ...small, ...change })).toBe(expected));
});
