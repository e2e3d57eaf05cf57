import { describe, expect, test } from 'vitest';
import { Impact_Fate as Fate, Method } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { IPS } from '../../proto/model/status.ts';
import type { Passage, Prospect } from '../conntrack/prospect.ts';
import { predict, PredictionCounter } from './predict.ts';

const { FATE_RECONNECTS: GOES_ON, FATE_BREAKS: BREAKS, FATE_HANGS: HANGS, FATE_UNKNOWN: UNKNOWN } = Fate;
const { METHOD_DELETE: DELETE, METHOD_RESET: RESET, METHOD_BLOCK: BLOCK, METHOD_EXPIRE: EXPIRE } = Method;

/** A session of which both sides have spoken. */
const TCP: Flow = {
  family: 4,
  proto: 6,
  zone: 0,
  id: 1,
  mark: 0,
  labels: [],
  status: IPS.SEEN_REPLY | IPS.ASSURED,
  state: 'ESTABLISHED',
  idleSeconds: 1,
  orig: { src: '10.1.0.5', dst: '198.51.100.10', sport: 40_000, dport: 443 },
  reply: { src: '198.51.100.10', dst: '10.1.0.5', sport: 443, dport: 40_000 },
  origCounters: { packets: 10n, bytes: 2_000n },
  replyCounters: { packets: 10n, bytes: 2_000n },
};
const NOW = 1_900_000_000_000;
/** A packet each 0.4 s, and one each 4 ms. */
const ONLY_SERVER: Partial<Flow> = {
  origCounters: { packets: 500n, bytes: 26_000n },
  replyCounters: { packets: 1000n, bytes: 1_000_000n },
  startedAtMs: NOW - 400_000,
};
const STREAM: Partial<Flow> = { ...ONLY_SERVER, startedAtMs: NOW - 4000 };
const ONLY_CLIENT: Partial<Flow> = {
  origCounters: { packets: 1000n, bytes: 1_000_000n },
  replyCounters: { packets: 500n, bytes: 26_000n },
};
const UDP: Partial<Flow> = { proto: 17, state: undefined };
const LISTENER: Partial<Flow> = { ...UDP, origCounters: { packets: 1n, bytes: 60n }, replyCounters: { packets: 900n, bytes: 90_000n } };

const through: Passage = { kind: 'through' };
const altered: Passage = { kind: 'altered' };
const gateway: Passage = { kind: 'gateway' };
const dropped: Passage = { kind: 'dropped', rule: 'a rule' };
const reset: Passage = { kind: 'reset', rule: 'a rule' };
const refused: Passage = { kind: 'refused', rule: 'a rule' };
const unknown: Passage = { kind: 'unknown', why: 'a rule behind a limit' };

describe('what comes of a deleted flow', () => {
  test.each<[what: string, flow: Partial<Flow>, prospect: Prospect | undefined, fate: Fate]>([
    ['TCP whose packets pass as before goes on', {}, { client: through, server: through }, GOES_ON],
    ['TCP goes on where only its client opens the way', {}, { client: through, server: dropped }, GOES_ON],
    ['who speaks first decides where the gateway itself would answer the server', {}, { client: through, server: gateway }, UNKNOWN],
    ['an upload goes on, whatever its server would meet', ONLY_CLIENT, { client: through, server: gateway }, GOES_ON],
    [
      'the client of a download hears nothing more where the gateway answers its server',
      ONLY_SERVER,
      { client: through, server: gateway },
      HANGS,
    ],
    [
      'the client of a download hears nothing more where its server’s packets are dropped',
      ONLY_SERVER,
      { client: through, server: dropped },
      HANGS,
    ],
    ['a download goes on where its server may speak first', ONLY_SERVER, { client: dropped, server: through }, GOES_ON],
    [
      'whether the client of a stream opens the way again depends on what it has under way',
      STREAM,
      { client: through, server: dropped },
      UNKNOWN,
    ],
    ['a stream whose packets are stopped on both sides hangs', STREAM, { client: dropped, server: dropped }, HANGS],
    ['a stream goes on where both sides’ packets pass', STREAM, { client: through, server: through }, GOES_ON],
    ['TCP by another port is reset by its server', ONLY_CLIENT, { client: altered, server: dropped }, BREAKS],
    ['TCP is told when it speaks, whoever was told first', {}, { client: altered, server: gateway }, BREAKS],
    ['TCP that is dropped hangs', {}, { client: dropped, server: dropped }, HANGS],
    ['TCP is told by a reset', ONLY_CLIENT, { client: reset, server: dropped }, BREAKS],
    ['TCP is told nothing by ICMP', {}, { client: refused, server: dropped }, HANGS],
    ['TCP that another server gets is reset by it', ONLY_CLIENT, { client: { kind: 'diverted' }, server: dropped }, BREAKS],
    ['TCP that has ended loses nothing', { state: 'TIME_WAIT' }, { client: dropped, server: dropped }, GOES_ON],
    ['TCP that begins begins anew, from whatever port', { state: 'SYN_SENT' }, { client: altered, server: dropped }, GOES_ON],
    ['TCP that begins is told by ICMP too', { state: 'SYN_SENT' }, { client: refused, server: dropped }, BREAKS],
    ['nothing is said where a rule cannot be told', {}, { client: unknown, server: through }, UNKNOWN],
    ['nothing is said without rules', {}, undefined, UNKNOWN],
    ['UDP goes on from another port', UDP, { client: altered, server: gateway }, GOES_ON],
    ['UDP is told by ICMP', UDP, { client: refused, server: dropped }, BREAKS],
    ['UDP that is dropped hangs', UDP, { client: dropped, server: dropped }, HANGS],
    ['a listener hears nothing more from behind a translation', LISTENER, { client: through, server: dropped }, HANGS],
    ['a listener goes on where the far side may speak first', LISTENER, { client: dropped, server: through }, GOES_ON],
    ['pings begin anew', { proto: 1, state: undefined }, { client: through, server: dropped }, GOES_ON],
    ['tunnels go on', { proto: 47, state: undefined }, { client: through, server: dropped }, GOES_ON],
    ['of an expected flow nothing is said', { status: TCP.status | IPS.EXPECTED }, { client: through, server: through }, UNKNOWN],
    ['of SCTP nothing is said', { proto: 132, state: 'ESTABLISHED' }, { client: through, server: through }, UNKNOWN],
  ])('%s', (_what, flow, prospect, fate) => {
    for (const method of [DELETE, EXPIRE]) expect(predict({ ...TCP, ...flow }, prospect, method, NOW)[0]).toBe(fate);
  });
});

test('no flow goes on while it is blocked', () => {
  for (const flow of [{}, ONLY_SERVER, ONLY_CLIENT, UDP, LISTENER, { proto: 1, state: undefined }, { state: 'TIME_WAIT' }]) {
    expect(predict({ ...TCP, ...flow }, { client: through, server: through }, BLOCK, NOW)[0]).not.toBe(GOES_ON);
  }
});

test('a reset tells who speaks; who only listens waits, and who was silent for long may stay so', () => {
  const outlook = (flow: Partial<Flow>): Fate => predict({ ...TCP, ...flow }, { client: through, server: through }, RESET, NOW)[0];
  expect([
    outlook({}),
    outlook(ONLY_SERVER),
    outlook(STREAM),
    outlook({ idleSeconds: 600 }),
    outlook({ state: 'TIME_WAIT' }),
    outlook(UDP),
  ]).toEqual([BREAKS, HANGS, UNKNOWN, UNKNOWN, GOES_ON, GOES_ON]);
});

test('flows are counted by their fate and its reason, most first', () => {
  const counter = new PredictionCounter(DELETE, NOW);
  for (const flow of [TCP, { ...TCP, ...UDP }, TCP]) counter.add(flow, { client: through, server: through });
  expect(counter.result()).toEqual([
    { fate: GOES_ON, flows: 2, why: 'TCP is picked up by its next packet, by the same addresses and ports.' },
    { fate: GOES_ON, flows: 1, why: 'It goes on with its next packet.' },
  ]);
});
