import { describe, expect, it } from 'vitest';
import type { PolicyMatch } from '../../../proto/model/policy/document.ts';
import { IPS } from '../../../proto/model/status.ts';
import { encodeEntry } from '../../../test/support/encode-entry.ts';
import { entryOf } from '../../../test/support/sample-entries.ts';
import type { EffectsAsk, Regime } from '../effects-ask.ts';
import { Block } from '../rows/block.ts';
import { Columns } from '../rows/columns.ts';
import { RowReader } from '../rows/read-entry.ts';
import { WanNames } from '../rows/wan-names.ts';
import { TCP_FLAG } from '../wire/protoinfo.ts';
import { effectsOfRows } from './effects-of-rows.ts';

type Sample = Parameters<typeof entryOf>[0] & { tcpFlags?: number; helper?: string };

/** Entries with ids from 0. */
function columnsOf(samples: readonly Sample[]): Columns {
  const columns = new Columns(samples.length);
  const reader = new RowReader(columns);
  samples.forEach(({ tcpFlags = 0, helper, ...sample }, id) => {
    const entry = { ...entryOf(sample), id, labels: undefined, helper, tcpFlags: { orig: tcpFlags, reply: tcpFlags } };
    const body = encodeEntry(entry as Parameters<typeof encodeEntry>[0]);
    reader.append(new Block(body), 0, body.length);
  });
  return columns;
}

const NOTHING: Regime = { off: [], modes: [], helpers: [], limits: [], idle: [], settings: {} };
const SURROUNDINGS = { nowMs: 1_900_000_000_000, sources: [], isSynced: false, labels: new Map<number, string>(), wans: new WanNames([]) };

function effectsOf(samples: readonly Sample[], { before = {}, after = {}, ...rest }: Asked) {
  const ask: EffectsAsk = {
    own: [],
    spared: [],
    maxFlows: 100,
    ...rest,
    before: { ...NOTHING, ...before },
    after: { ...NOTHING, ...after },
  };
  const { effects, ...rows } = effectsOfRows(columnsOf(samples), SURROUNDINGS, ask, () => undefined);
  return { said: effects.map(({ kind, path, flows }) => `${flows} ${kind} ${path}`), whys: effects.map(({ why }) => why), ...rows };
}
interface Asked extends Partial<Omit<EffectsAsk, 'before' | 'after'>> {
  before?: Partial<Regime>;
  after?: Partial<Regime>;
}

const tcp = (dport: number, more: Partial<Sample> = {}): Sample => ({
  proto: 6,
  orig: { src: '10.1.0.5', dst: '203.0.113.7', sport: 40_000 + dport, dport },
  state: 'ESTABLISHED',
  status: IPS.SEEN_REPLY | IPS.ASSURED,
  ...more,
});
const udp = (dport: number, more: Partial<Sample> = {}): Sample => ({
  proto: 17,
  orig: { src: '10.1.0.5', dst: '203.0.113.7', sport: 5000, dport },
  ...more,
});
const port = (at: number): PolicyMatch => ({ proto: 'tcp', dport: [{ from: at, to: at }] });
const web = { match: port(443), path: 'rules.web', mode: 'normal' as const };
const rest = { match: { proto: 'tcp' }, path: 'rules.rest', mode: 'deny' as const };

describe('a rule that denies', () => {
  it('stops the flows that it is the first to match, both families, and no others', () => {
    const six = tcp(80, { orig: { src: 'fd00:1::5', dst: '2001:db8::7', sport: 1, dport: 80 } });
    const { said, stopped, untold } = effectsOf([tcp(443), tcp(80), udp(80), six], { after: { modes: [web, rest] } });
    expect({ said, stopped, untold }).toEqual({ said: ['2 stopped rules.rest'], stopped: [1, 3], untold: 0 });
  });

  it('goes by the original direction, as it was before translation', () => {
    const forwarded = tcp(80, { reply: { src: '10.1.0.9', sport: 443 }, status: IPS.DST_NAT });
    const toInner = { match: { dst: ['10.1.0.9'] }, path: 'rules.inner', mode: 'deny' as const };
    expect(effectsOf([forwarded], { after: { modes: [toInner] } }).said).toEqual([]);
    expect(effectsOf([forwarded], { after: { modes: [rest] } }).said).toEqual(['1 stopped rules.rest']);
  });

  it('stops nothing that was denied before, that a helper has announced, that the gateway began or that is spared', () => {
    const own = tcp(80, { orig: { src: '198.51.100.1', dst: '203.0.113.7', sport: 1, dport: 80 } });
    const own6 = tcp(80, { orig: { src: 'fd00:9::1', dst: '2001:db8::7', sport: 1, dport: 80 } });
    const ssh = tcp(22, { orig: { src: '10.1.0.5', dst: '198.51.100.1', sport: 1, dport: 22 } });
    const all = [own, own6, ssh, tcp(50_000, { status: IPS.EXPECTED | IPS.SEEN_REPLY }), tcp(80)];
    const asked = {
      after: { modes: [rest] },
      own: ['198.51.100.1', 'fd00:9::1'],
      spared: [{ proto: 'tcp', dst: ['198.51.100.1'], dport: [{ from: 22, to: 22 }] }],
    };
    expect(effectsOf(all, asked).stopped).toEqual([4]);
    expect(effectsOf(all, { ...asked, before: { modes: [{ ...rest, path: 'rules.older' }] } }).said).toEqual([]);
  });

  it('leaves untold what may match a rule by an interface, and tells what it cannot change', () => {
    const lan = { match: { iif: ['lan'], ...port(80) }, path: 'rules.lan', mode: 'normal' as const };
    const asked = { after: { modes: [lan, rest] } };
    expect(effectsOf([tcp(80), tcp(8080), udp(80)], asked)).toMatchObject({ said: ['1 stopped rules.rest'], stopped: [1], untold: 1 });
    const kept = { before: { modes: [lan, web] }, after: { modes: [{ ...lan, match: { ...lan.match, zone: 0 } }, web] } };
    expect(effectsOf([tcp(80)], kept)).toMatchObject({ said: [], untold: 0 });
  });

  it('in a zone goes by the zone of either kind', () => {
    const zoned = (zone: number) => ({ modes: [{ ...rest, match: { zone } }] });
    const flows = [tcp(1, { zone: 7 }), tcp(2, { orig: { ...tcp(2).orig, zone: 7 } }), tcp(3)];
    expect(effectsOf(flows, { after: zoned(7) }).stopped).toEqual([0, 1]);
    expect(effectsOf(flows, { after: zoned(0) }).stopped).toEqual([2]);
  });
});

describe('a stricter mode', () => {
  const mode = (word: 'loose' | 'normal' | 'strict') => ({ modes: [{ match: {}, path: 'rules.m', mode: word }] });
  const liberal = { tcpFlags: TCP_FLAG.BE_LIBERAL };
  const ping = (type: number): Sample => ({ proto: 1, orig: { src: '10.1.0.5', dst: '203.0.113.7', icmp: { type, code: 0, id: 7 } } });
  const ping6 = (type: number): Sample => ({ proto: 58, orig: { src: 'fd00::5', dst: 'fd00::7', icmp: { type, code: 0, id: 7 } } });
  const FLOWS = [
    tcp(1, liberal),
    tcp(2, { tcpFlags: TCP_FLAG.WINDOW_SCALE | TCP_FLAG.SACK_PERM }),
    udp(3),
    ping(8),
    ping(0),
    ping6(128),
    ping6(129),
  ];

  it.each([
    ['normal', 'strict', [0]],
    ['loose', 'strict', [4, 6]],
    ['loose', 'normal', []],
    ['strict', 'normal', []],
    ['normal', 'loose', []],
    ['strict', 'loose', []],
    ['strict', 'strict', []],
  ] as const)('from %s to %s ends rows %j', (before, after, rows) => {
    expect(effectsOf(FLOWS, { before: mode(before), after: mode(after) }).stopped).toEqual(rows);
  });

  it('ends nothing where no mode was said before', () => {
    expect(effectsOf(FLOWS, { after: mode('strict') }).said).toEqual([]);
  });

  it('says that they end with the confirmation', () => {
    const { whys } = effectsOf(FLOWS, { before: mode('normal'), after: mode('strict') });
    expect(whys).toEqual(['It becomes strict, and not every packet of them was seen. They end when the policy is confirmed.']);
  });
});

describe('a limit', () => {
  const limit = { match: port(443), path: 'rules.web', perSource: 2 };
  const from = (src: string, sport: number, more: Partial<Sample> = {}): Sample =>
    tcp(443, { orig: { src, dst: src.includes(':') ? '2001:db8::7' : '203.0.113.7', sport, dport: 443 }, ...more });

  it('has over it what is beyond, by address and family, without what is closing or not counted', () => {
    const flows = [
      ...[1, 2, 3, 4, 5].map((sport) => from('10.1.0.5', sport)),
      ...[1, 2].map((sport) => from('10.1.0.6', sport)),
      ...[1, 2, 3].map((sport) => from('fd00::5', sport)),
      ...[6, 7].map((sport) => from('10.1.0.6', sport, { state: sport === 6 ? 'TIME_WAIT' : 'CLOSE' })),
      tcp(80),
    ];
    const { said, whys } = effectsOf(flows, { after: { limits: [limit] } });
    expect(said).toEqual(['4 over-limit rules.web']);
    expect(whys[0]).toContain('It allows 2 per source: 10.1.0.5 has 5, fd00::5 has 3. They stay;');
  });

  it('per destination counts behind the port forward', () => {
    const to = (sport: number, inner: string): Sample => from('10.1.0.5', sport, { reply: { src: inner }, status: IPS.DST_NAT });
    const flows = [to(1, '10.9.0.1'), to(2, '10.9.0.1'), to(3, '10.9.0.1'), to(4, '10.9.0.2')];
    const { said, whys } = effectsOf(flows, { after: { limits: [{ match: {}, path: 'rules.d', perDestination: 2 }] } });
    expect([said, whys[0]]).toEqual([['1 over-limit rules.d'], expect.stringContaining('2 per destination: 10.9.0.1 has 3.')]);
  });

  it('that was there before, under whatever name, is no effect', () => {
    const flows = [1, 2, 3].map((sport) => from('10.1.0.5', sport));
    expect(effectsOf(flows, { before: { limits: [{ ...limit, path: 'rules.old' }] }, after: { limits: [limit] } }).said).toEqual([]);
  });
});

describe('tracking that is switched off', () => {
  const off = { match: { proto: 'udp', dst: ['203.0.113.7'] }, path: 'rules.bulk', isOff: true };

  it('is lost by flows with a packet that matches in either direction, unless a rule before keeps it', () => {
    const replies = { match: { proto: 'udp', src: ['203.0.113.8'] }, path: 'rules.back', isOff: true };
    const other = udp(514, { orig: { src: '10.1.0.5', dst: '203.0.113.8', sport: 1, dport: 514 } });
    const keep = { match: { proto: 'udp', dport: [{ from: 53, to: 53 }] }, path: 'rules.dns', isOff: false };
    const { said } = effectsOf([udp(514), udp(53), other, tcp(514)], { after: { off: [keep, off, replies] } });
    expect(said).toEqual(['1 loses-tracking rules.bulk', '1 loses-tracking rules.back']);
  });

  it('is not lost where it was off before, or is spared', () => {
    expect(effectsOf([udp(514)], { before: { off: [{ ...off, path: 'rules.old' }] }, after: { off: [off] } }).said).toEqual([]);
    expect(effectsOf([udp(514)], { after: { off: [off] }, spared: [{ dst: ['203.0.113.7'] }] }).said).toEqual([]);
  });
});

describe('a helper', () => {
  const usual = { match: port(21), path: 'helpers', helper: 'ftp' };
  const ftp = tcp(21, { helper: 'ftp' });

  it('is lost by flows that have it from this policy, and not by those that have none or another’s', () => {
    expect(effectsOf([ftp, tcp(21)], { before: { helpers: [usual] } }).said).toEqual(['1 loses-helper helpers']);
    expect(effectsOf([ftp], { before: { helpers: [{ ...usual, match: port(2121) }] } }).said).toEqual([]);
  });

  it('stays where another rule gives the same', () => {
    expect(effectsOf([ftp], { before: { helpers: [usual] }, after: { helpers: [{ ...usual, path: 'rules.ftp' }] } }).said).toEqual([]);
  });
});

describe('a shorter timeout', () => {
  const settings = (established: number, unacknowledged = 300) => ({
    settings: {
      nf_conntrack_tcp_timeout_established: established,
      nf_conntrack_tcp_timeout_unacknowledged: unacknowledged,
      nf_conntrack_udp_timeout: 30,
    },
  });

  it('is that of the flow’s own protocol and state, and tells how many were idle for longer', () => {
    const flows = [tcp(1, { timeoutSeconds: 432_000 - 7200 }), tcp(2, { timeoutSeconds: 431_000 }), tcp(3, { state: 'SYN_SENT' }), udp(4)];
    const { said, whys } = effectsOf(flows, { before: settings(432_000), after: settings(3600) });
    expect(said).toEqual(['2 timeout-shortens timeouts.tcp.established']);
    expect(whys[0]).toBe(
      '1h instead of 5d, from their next packet on. 1 of them were idle for longer than that, and end at the time of before unless they speak.',
    );
  });

  it('names the setting that does it', () => {
    const unreplied = tcp(1, { status: 0 });
    const { said } = effectsOf([unreplied], { before: settings(432_000, 300), after: settings(3600, 100) });
    expect(said).toEqual(['1 timeout-shortens timeouts.tcp.unacknowledged']);
    expect(effectsOf([unreplied], { before: settings(432_000, 300), after: settings(3600, 300) }).said).toEqual([]);
    expect(effectsOf([tcp(1)], { before: settings(3600), after: settings(432_000) }).said).toEqual([]);
  });

  it('of a helper with times of its own does not change', () => {
    const sip = udp(5060, { helper: 'sip' });
    expect(
      effectsOf([sip], { before: { settings: { nf_conntrack_udp_timeout: 30 } }, after: { settings: { nf_conntrack_udp_timeout: 5 } } })
        .said,
    ).toEqual([]);
  });

  it('comes to flows of a rule whose object goes, and to no flow by a rule that comes', () => {
    const idle = { match: { proto: 'udp' }, path: 'rules.trunk', seconds: 600, object: 'to_1' };
    const plain = { settings: { nf_conntrack_udp_timeout: 30 } };
    const flows = [udp(1, { timeoutSeconds: 550 }), udp(2, { timeoutSeconds: 20 })];
    expect(effectsOf(flows, { before: { idle: [idle], ...plain }, after: plain }).said).toEqual(['2 timeout-shortens rules.trunk']);
    expect(effectsOf(flows, { before: { idle: [idle], ...plain }, after: { idle: [idle], ...plain } }).said).toEqual([]);
    expect(effectsOf(flows, { before: plain, after: { idle: [{ ...idle, seconds: 5 }], ...plain } }).said).toEqual([]);
    const shorter = { settings: { nf_conntrack_udp_timeout: 10 } };
    expect(effectsOf(flows, { before: { idle: [idle], ...plain }, after: { idle: [idle], ...shorter } }).said).toEqual([]);
  });

  it('does not come to a flow that began before its rule', () => {
    const idle = { match: { proto: 'udp' }, path: 'rules.trunk', seconds: 60, object: 'to_1' };
    const plain = { settings: { nf_conntrack_udp_timeout: 30, nf_conntrack_udp_timeout_stream: 600 } };
    const stream = udp(1, { status: IPS.ASSURED | IPS.SEEN_REPLY, timeoutSeconds: 550 });
    expect(effectsOf([stream], { before: { idle: [idle], ...plain }, after: plain }).said).toEqual([]);
  });
});

it('all of them come in the order of their kinds, then of the rules', () => {
  const flows = [udp(514), tcp(443), tcp(80), tcp(22)];
  const after = {
    off: [{ match: { proto: 'udp' }, path: 'rules.bulk', isOff: true }],
    modes: [{ match: port(22), path: 'rules.z', mode: 'deny' as const }, web, rest],
  };
  const { said, stopped } = effectsOf(flows, { after });
  expect(said).toEqual(['1 stopped rules.z', '1 stopped rules.rest', '1 loses-tracking rules.bulk']);
  expect(stopped).toEqual([3, 2]);
});

it('nothing that stays the same is looked at', () => {
  const same = { modes: [web, rest], limits: [{ match: {}, path: 'rules.l', perSource: 1 }] };
  const { effects } = effectsOfRows(
    columnsOf([tcp(80), tcp(81)]),
    SURROUNDINGS,
    { before: { ...NOTHING, ...same }, after: { ...NOTHING, ...same }, own: [], spared: [], maxFlows: 1 },
    () => {
      throw new Error('looked');
    },
  );
  expect(effects).toEqual([]);
});
