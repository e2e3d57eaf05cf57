import { expect, test } from 'vitest';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { judge } from './judgement.ts';

const NOW = Date.parse('2026-11-23T08:17:00Z');

function gateway(over: Partial<Gateway> = {}, usage: Partial<NonNullable<Gateway['usage']>> = {}): Gateway {
  return {
    id: 'g',
    tenantId: 't',
    tenantName: 'Pine',
    siteId: 's',
    siteName: 'Lyon',
    name: 'lyon',
    tags: [],
    state: 'online',
    since: '2026-11-23T07:41:00Z',
    wans: [{ name: 'wan1', interface: 'eth1', addresses: [], isUp: true }],
    usage: { at: '2026-11-23T08:16:57Z', count: 1000, max: 65_536, perMinute: 0, ...usage },
    ...over,
  };
}
const down = [
  { name: 'wan1', interface: 'eth1', addresses: [], isUp: false, flows: 208 },
  { name: 'wan2', interface: 'eth2', addresses: [], isUp: true },
];

/** Every state of a gateway, with its word and sentence. */
const CASES: [Gateway, { flows: number; wans: string[] } | undefined, word: string, head: string][] = [
  [gateway(), undefined, 'Healthy', 'Healthy: 1 % full, steady.'],
  [gateway({ wans: down }), { flows: 8, wans: ['wan1'] }, 'Stale', '8 flows still trying on wan1.'],
  [gateway({ wans: down }), undefined, 'Stranded', '208 flows still on wan1.'],
  [gateway({ wans: down }), { flows: 0, wans: [] }, 'wan1 down', 'wan1 down; the table is 1 % full.'],
  [
    gateway({ wans: [{ name: 'wan1', interface: 'eth1', addresses: [], isUp: true, isAnswering: false, flows: 0 }] }),
    undefined,
    'wan1 not answering',
    'wan1 not answering; the table is 1 % full.',
  ],
  [gateway({}, { count: 65_536 }), undefined, 'Full', '100 % full: new flows find no room.'],
  [gateway({}, { count: 62_000 }), undefined, 'Nearly full', '94 % full: little room is left.'],
  [
    gateway({}, { count: 55_000, minutesToFull: 27, perMinute: 390 }),
    undefined,
    'Filling up',
    '83 % full and filling by 390 a minute: full in about 27 min',
  ],
  [
    gateway({}, { lost: 400, drops: 400, insertFailed: 400 }),
    undefined,
    'Packet drops',
    '400 packets got no entry in the last ten minutes and were lost; the table is 1 % full.',
  ],
  [gateway({ state: 'offline' }), undefined, 'Offline', 'Silent for 36 min.'],
  [gateway({ state: 'set-aside', tableError: 'not loaded' }), undefined, 'Set aside', 'Set aside: two agents hold its identity.'],
  [gateway({ tableError: 'not loaded', usage: undefined }), undefined, 'No table', 'Connected, but it cannot see its table.'],
  [gateway({ usage: undefined }), undefined, 'No samples yet', 'Connected; no samples yet.'],
  [gateway({ state: 'reconnecting' }), undefined, 'Reconnecting', 'Reconnecting.'],
  [gateway({ state: 'never-connected', usage: undefined }), undefined, 'Never connected', 'Not connected yet.'],
  [gateway({ state: 'revoked' }), undefined, 'Revoked', 'Its identity was taken away.'],
];

test.each(CASES)('case %#: the word and the sentence agree', (one, stale, word, head) => {
  expect(judge(one, NOW, stale)).toMatchObject({ word, head });
});

test('only a gateway that needs no attention and has every WAN is green or called healthy', () => {
  for (const [one, stale] of CASES) {
    const { kind, head, need, word } = judge(one, NOW, stale);
    expect([kind === 'ok', head.startsWith('Healthy'), word === 'Healthy']).toEqual(
      Array(3).fill(
        need === undefined &&
          one.state === 'online' &&
          one.usage !== undefined &&
          one.wans.every(({ isUp, isAnswering }) => isUp !== false && isAnswering !== false),
      ),
    );
  }
});

test('the reason why a table cannot be read is one sentence, whether or not the agent’s text ends in a full stop', () => {
  for (const tableError of ['nf_conntrack is not loaded.', 'nf_conntrack is not loaded']) {
    expect(judge(gateway({ tableError, usage: undefined }), 0).cause).toBe('nf_conntrack is not loaded. The agent looks again by itself.');
  }
});
