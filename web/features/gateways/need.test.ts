import { expect, test } from 'vitest';
import type { Gateway } from '../../../proto/http/fleet.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { evaluateFilter } from '../../../proto/model/filter/evaluate.ts';
import { attentionOf, suspectWans } from '../../../proto/model/attention.ts';
import { addGateway, noFigures } from '../../../proto/model/fleet-figures.ts';
import { endRequest, needsOf, overviewSentence, strandedWords, TRYING } from './need.ts';
import { filterOf } from '../../../test/support/filter-of.ts';

const NOW = Date.parse('2026-11-23T08:17:00Z');

function gateway(name: string, over: Partial<Gateway> = {}, usage: Partial<NonNullable<Gateway['usage']>> = {}): Gateway {
  return {
    id: name,
    tenantId: 't',
    tenantName: 'Pine Logistics',
    siteId: 's',
    siteName: 'Lyon',
    name,
    tags: [],
    state: 'online',
    since: '2026-11-23T07:41:00Z',
    wans: [],
    usage: { at: '2026-11-23T08:16:57Z', count: 1000, max: 65_536, ...usage },
    ...over,
  };
}

function figures(gateways: Gateway[]) {
  const all = noFigures();
  for (const each of gateways) addGateway(all, each, attentionOf(each));
  return all;
}

test('rank is by minutes to full, then flows on a dead WAN, then drops, then silence', () => {
  const needs = needsOf(
    [
      gateway('caen', { state: 'offline' }),
      gateway('bilbao', {}, { lost: 400, drops: 400, insertFailed: 12 }),
      gateway('milano', { wans: [{ name: 'WAN1', interface: 'eth1', addresses: [], isUp: false, flows: 208 }] }),
      gateway('porto', {}, { count: 59_000, minutesToFull: 88, perMinute: 74 }),
      gateway('lyon', {}, { count: 55_000, minutesToFull: 27, perMinute: 1500 }),
      gateway('quiet'),
    ],
    NOW,
  );
  expect(needs.map(({ gateway: { name }, why, measure }) => `${name} ${why} ${measure}`)).toEqual([
    'lyon filling 27 min',
    'porto filling 1 h 28 min',
    'milano stranded 208 flows',
    'bilbao drops 400 packets',
    'caen offline 36 min',
  ]);
  expect(overviewSentence(needs, figures([]))).toBe('No gateway is enrolled yet');
  expect(overviewSentence(needs, figures([gateway('lyon')]))).toBe('lyon needs you first: full in about 27 min');
});

test('a full table comes before one that fills', () => {
  const needs = needsOf([gateway('a', {}, { count: 60_000, minutesToFull: 3 }), gateway('b', {}, { count: 65_536 })], NOW);
  expect(needs.map(({ gateway: { name }, word }) => `${name} ${word}`)).toEqual(['b Full', 'a Filling up']);
});

test('a nearly empty table that grows needs no attention, a half-full one does', () => {
  expect(needsOf([gateway('a', {}, { count: 800, minutesToFull: 350, perMinute: 180 })], NOW)).toEqual([]);
  expect(needsOf([gateway('a', {}, { count: 40_000, minutesToFull: 350, perMinute: 73 })], NOW)).toHaveLength(1);
  expect(needsOf([gateway('a', {}, { count: 800, minutesToFull: 20, perMinute: 3200 })], NOW)).toHaveLength(1);
});

test('a quiet fleet says so with its numbers', () => {
  expect(overviewSentence([], figures([gateway('a'), gateway('b', {}, { count: 9000 })]))).toBe(
    'Quiet: 2 of 2 gateways up, none above 20 %',
  );
});

test('a gateway that cannot read its table needs attention, with the reason', () => {
  const needs = needsOf(
    [gateway('a', { tableError: 'nf_conntrack is not loaded.', usage: undefined }), gateway('b', { state: 'offline' })],
    NOW,
  );
  expect(needs.map(({ why, evidence, measure }) => `${why}: ${evidence} ${measure}`)).toEqual([
    'blind: nf_conntrack is not loaded. not known',
    'offline: Silent; the last sample was 1 % full 36 min',
  ]);
  expect(overviewSentence(needs, figures([gateway('a')]))).toBe('a needs you first: it cannot see its table');
});

test('a gateway that was set aside comes first of all, since only a decision resolves it', () => {
  const needs = needsOf(
    [
      gateway('b', {}, { count: 65_536 }),
      gateway('a', { state: 'set-aside', setAsideReason: 'two agents hold this identity', tableError: 'unknown' }),
    ],
    NOW,
  );
  expect(needs.map(({ gateway: { name }, why, measure, action }) => `${name} ${why} ${measure}: ${action.text}`)).toEqual([
    'a set-aside 36 min: Decide',
    'b full 100 %: Review flows',
  ]);
  expect(overviewSentence(needs, figures([gateway('a')]))).toBe('a needs you first: two agents hold its identity');
});

test('what is unknown is neither a need nor zero', () => {
  expect(needsOf([gateway('a', { usage: undefined }), gateway('b', {}, { max: undefined })], NOW)).toEqual([]);
});

test('the action leads to the flows that cause the need', () => {
  const [need] = needsOf(
    [
      gateway(
        'lyon',
        {},
        {
          count: 55_000,
          minutesToFull: 27,
          byState: { TIME_WAIT: 41_870, ESTABLISHED: 900 },
          topSources: [{ address: '10.2.3.4', flows: 9 }],
        },
      ),
    ],
    NOW,
  );
  expect(need).toMatchObject({
    evidence: '76 % TIME_WAIT, most from 10.2.3.4',
    action: { text: 'Review 41,870 flows', path: '/connections?gateway=lyon&filter=state%3Atime-wait' },
  });
});

test('stale flows are those that the gateway counts, more or fewer than those on a dead WAN, and the remedy selects exactly them', () => {
  const wans = [
    { name: 'wan1', interface: 'eth1', addresses: [], isUp: false, flows: 208 },
    { name: 'wan2', interface: 'eth2', addresses: [], isUp: true, carriesDefaultRoute: true, flows: 900 },
  ];
  const milano = gateway('milano', { siteName: 'Milano', wans });
  const [need] = needsOf([milano], NOW, new Map([['milano', { flows: 8, wans: ['wan1'] }]]));
  expect(need).toMatchObject({
    why: 'stranded',
    word: 'Stale',
    measure: '8 flows',
    pace: 'on wan1',
    action: { text: 'End 8 stale flows' },
  });
  expect(endRequest(need!)).toEqual({
    what: { filter: 'stale:yes -state:time-wait,close' },
    scope: { gateways: ['milano'] },
    expected: 8,
    reason: 'Flows are stuck on wan1 at Milano after a failover',
  });
  expect(overviewSentence([need!], figures([milano]))).toBe('milano needs you first: 8 flows still trying on wan1');
  expect(needsOf([milano], NOW, new Map([['milano', { flows: 0, wans: [] }]]))).toEqual([]);
  expect(needsOf([milano], NOW, new Map([['milano', { flows: 8, wans: [] }]]))[0]).toMatchObject({
    pace: 'another way',
    action: { ends: { reason: 'Flows are stuck at Milano after a failover' } },
  });
  expect(needsOf([milano], NOW)[0]?.action.ends).toBeUndefined();
});

test('two gateways with stale flows each name their own WAN, and the sum names the larger', () => {
  const wans = [{ name: 'wan1', interface: 'eth1', addresses: [], isUp: true, carriesDefaultRoute: false, flows: 208 }];
  const needs = needsOf(
    [gateway('milano', { wans }), gateway('genova', { wans })],
    NOW,
    new Map([
      ['milano', { flows: 8, wans: ['wan1'] }],
      ['genova', { flows: 415, wans: ['dsl', 'lte'] }],
    ]),
  );
  expect(needs.map(({ gateway: { name }, pace }) => `${name} ${pace}`)).toEqual(['genova on dsl and lte', 'milano on wan1']);
  expect(strandedWords(needs)).toBe('on 2 gateways, most at genova');
  expect(strandedWords(needs.slice(1))).toBe('on wan1 at milano');
});

test('flows that both ends have closed are not selected: they expire by themselves', () => {
  const filter = filterOf(TRYING);
  const flow = (proto: number, state?: string) =>
    ({ proto, state, stale: 'route-moved', status: 0, orig: {}, reply: {} }) as unknown as Flow;
  expect([flow(6, 'ESTABLISHED'), flow(17), flow(6, 'TIME_WAIT'), flow(6, 'CLOSE')].map((one) => evaluateFilter(filter, one, NOW))).toEqual(
    [true, true, false, false],
  );
});

test('flows can be stuck only where one of several WANs is down or without its route', () => {
  const wan = (name: string, over: Partial<Gateway['wans'][number]>) => ({
    name,
    interface: name,
    addresses: [],
    isUp: true,
    carriesDefaultRoute: true,
    flows: 5,
    ...over,
  });
  expect(suspectWans(gateway('a', { wans: [wan('w1', {}), wan('w2', {})] }))).toEqual([]);
  expect(suspectWans(gateway('a', { wans: [wan('w1', { carriesDefaultRoute: false }), wan('w2', {})] })).map(({ name }) => name)).toEqual([
    'w1',
  ]);
  expect(suspectWans(gateway('a', { wans: [wan('w1', { isUp: false })] }))).toEqual([]);
});

test('flows on a WAN that is up but silent are described as such, not as on one that is down', () => {
  const on = (wan: { isUp: boolean; isAnswering?: boolean }) => {
    const all = [gateway('milano', { wans: [{ name: 'WAN1', interface: 'eth1', addresses: [], flows: 208, ...wan }] })];
    return overviewSentence(needsOf(all, NOW), figures(all));
  };
  expect(on({ isUp: false })).toBe('milano needs you first: 208 flows still on WAN1, which is down');
  expect(on({ isUp: true, isAnswering: false })).toBe('milano needs you first: 208 flows still on WAN1, beyond which nothing answers');
});

test('a certificate that was not renewed needs attention while there is time, after what costs flows now', () => {
  const certificate = (endsAt: string, isOverdue = true) => ({ generation: 3, endsAt, renewableUntil: '2027-02-23T00:00:00Z', isOverdue });
  const needs = needsOf(
    [
      gateway('late', { certificate: certificate('2026-11-23T20:17:00Z') }),
      gateway('later', { certificate: certificate('2026-11-24T08:17:00Z'), usage: undefined }),
      gateway('renewed', { certificate: certificate('2026-11-30T08:17:00Z', false) }),
      gateway('away', { state: 'offline', certificate: certificate('2026-11-23T08:00:00Z') }),
      gateway('b', { certificate: certificate('2026-11-23T20:17:00Z') }, { lost: 4, drops: 4 }),
    ],
    NOW,
  );
  expect(needs.map(({ gateway: { name }, why, measure }) => `${name} ${why} ${measure}`)).toEqual([
    'b drops 4 packets',
    'late certificate 12 h',
    'later certificate 24 h',
    'away offline 36 min',
  ]);
  expect(overviewSentence(needs.slice(1), figures([gateway('late')]))).toBe('late needs you first: its certificate ends in 12 h');
});

test('a table that is full soon comes before one that is nearly full and stays so, and one that is full now before both', () => {
  const needs = needsOf(
    [
      gateway('nearly', {}, { count: 60_000, max: 65_536 }),
      gateway('soon', {}, { count: 30_000, max: 65_536, minutesToFull: 20 }),
      gateway('now', {}, { count: 65_536, max: 65_536 }),
    ],
    NOW,
  );
  expect(needs.map((need) => need.gateway.name)).toEqual(['now', 'soon', 'nearly']);
});

test('a failover that its gateway tells is the headline, in its own sentence', () => {
  const kinds = { calls: 40, udp: 0, tcp: 211, vpn: 0, other: 0 };
  const event = {
    wan: 'WAN1',
    siteName: 'Milano',
    failed: 'lost the default route',
    state: 'open',
    beganAt: '23:37',
    using: { at: '', trying: kinds, waiting: { ...kinds, calls: 0 } },
    target: { wan: 'WAN2', isHealthy: true },
  };
  const milano = gateway('milano', {
    wans: [{ name: 'WAN1', interface: 'eth1', addresses: [], isUp: false, flows: 251 }],
    wanEvents: [event as never],
  });
  expect(overviewSentence(needsOf([milano], NOW), figures([milano]))).toBe(
    'WAN1 at Milano lost the default route at 23:37; 251 live flows still use it, 40 of them calls; WAN2 is healthy',
  );
});

test('a table that is nearly full is never passed over, whatever its rate says, and waits for flows that are stuck now', () => {
  const wans = [{ name: 'WAN1', interface: 'eth1', addresses: [], isUp: false, flows: 208 }];
  const needs = needsOf(
    [
      gateway('slow', {}, { count: 62_300, max: 65_536, minutesToFull: 2000, perMinute: 1.6 }),
      gateway('flat', {}, { count: 61_000, max: 65_536 }),
      gateway('stuck', { wans }),
      gateway('both', { wans: [{ ...wans[0]!, flows: 100 }] }, { count: 65_000, max: 65_536 }),
      gateway('dropping', {}, { lost: 400, drops: 400 }),
      gateway('soon', {}, { count: 62_000, max: 65_536, minutesToFull: 40 }),
    ],
    NOW,
  );
  expect(needs.map(({ gateway: { name }, why, word }) => `${name} ${why}: ${word}`)).toEqual([
    'soon filling: Filling up',
    'stuck stranded: Stranded',
    'both stranded: Stranded',
    'slow full: Nearly full',
    'flat full: Nearly full',
    'dropping drops: Packet drops',
  ]);
});
