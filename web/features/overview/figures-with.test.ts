import { expect, test } from 'vitest';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { attentionOf } from '../../../proto/model/attention.ts';
import { addGateway, noFigures } from '../../../proto/model/fleet-figures.ts';
import { figuresWith } from './figures-with.ts';

const wan = (name: string, isUp: boolean, flows: number) => ({ name, interface: name, addresses: [], isUp, flows });
const gateway = (name: string, isUp: boolean): Gateway => ({
  id: name,
  tenantId: 't',
  tenantName: 'T',
  siteId: 's',
  siteName: 'S',
  name,
  tags: [],
  state: 'online',
  since: '2026-11-23T07:41:00Z',
  wans: [wan('wan1', isUp, 9), wan('wan2', true, 100)],
  usage: { at: '2026-11-23T08:16:57Z', count: 109, max: 1000 },
});

/** A fleet of which the controller names some. */
function overviewOf(all: Gateway[], named: Gateway[]) {
  const figures = noFigures();
  for (const each of all) addGateway(figures, each, attentionOf(each));
  return { figures, rows: named };
}

test('what a gateway counts as stuck takes the place of what the controller supposed, and others stay', () => {
  const [down, other, well] = [gateway('down', false), gateway('other', false), gateway('well', true)];
  const overview = overviewOf([down, other, well], [down, well]);
  const supposed = figuresWith(overview, 0, new Map());
  expect([supposed.total, supposed.figures.stuckFlows, supposed.figures.needs.stranded]).toEqual([2, 18, 2]);
  const counted = figuresWith(
    overview,
    0,
    new Map([
      ['down', { flows: 0, wans: [] }],
      ['well', { flows: 4, wans: ['wan2'] }],
    ]),
  );
  expect([counted.total, counted.figures.stuckFlows, counted.needs.map(({ gateway: { name } }) => name)]).toEqual([2, 13, ['well']]);
});
