import { describe, expect, test } from 'vitest';
import { Impact_Fate as Fate, Method } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { IPS } from '../../proto/model/status.ts';
import type { Passage, Prospect } from '../conntrack/prospect.ts';
import { predict, PredictionCounter } from './predict.ts';

const { FATE_RECONNECTS: GOES_ON, FATE_BREAKS: BREAKS, FATE_HANGS: HANGS, FATE_UNKNOWN: UNKNOWN } = Fate;
const { METHOD_DELETE: DELETE, METHOD_RESET: RESET, METHOD_BLOCK: BLOCK, METHOD_EXPIRE: EXPIRE } = Method;

/** A session in which both sides have sent. */
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
/** One packet every 0.4 s, and one every 4 ms. */
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

describe('the fate of a deleted flow', () => {
  test.each<[what: string, flow: Partial<Flow>, prospect: Prospect | undefined, fate: Fate]>([
    ['TCP whose packets pass as before continues', {}, { client: through, server: through }, GOES_ON],
    ['TCP continues if only its client opens the path', {}, { client: through, server: dropped }, GOES_ON],
    ['who sends first decides if the gateway itself would answer the server', {}, { client: through, server: gateway }, UNKNOWN],
    ['an upload continues, whatever its server would meet', ONLY_CLIENT, { client: through, server: gateway }, GOES_ON],
    [
      'the client of a download receives nothing more if the gateway answers its server',
      ONLY_SERVER,
      { client: through, server: gateway },
      HANGS,
    ],
    [
      'the client of a download receives nothing more if its server’s packets are dropped',
      ONLY_SERVER,
      { client: through, server: dropped },
      HANGS,
    ],
    ['a download continues if its server may send first', ONLY_SERVER, { client: dropped, server: through }, GOES_ON],
    [
      'whether the client of a stream opens the path again depends on what it is sending',
      STREAM,
      { client: through, server: dropped },
      UNKNOWN,
    ],
    ['a stream whose packets are stopped on both sides hangs', STREAM, { client: dropped, server: dropped }, HANGS],
    ['a stream continues if both sides’ packets pass', STREAM, { client: through, server: through }, GOES_ON],
    ['TCP from another port is reset by its server', ONLY_CLIENT, { client: altered, server: dropped }, BREAKS],
    ['TCP is reset when it sends, whichever side was reset first', {}, { client: altered, server: gateway }, BREAKS],
    ['TCP that is dropped hangs', {}, { client: dropped, server: dropped }, HANGS],
    ['TCP is ended by a reset', ONLY_CLIENT, { client: reset, server: dropped }, BREAKS],
    ['TCP is not ended by ICMP', {}, { client: refused, server: dropped }, HANGS],
    ['TCP diverted to another server is reset by it', ONLY_CLIENT, { client: { kind: 'diverted' }, server: dropped }, BREAKS],
    ['TCP that has ended loses nothing', { state: 'TIME_WAIT' }, { client: dropped, server: dropped }, GOES_ON],
    ['TCP that is only beginning starts again, from whatever port', { state: 'SYN_SENT' }, { client: altered, server: dropped }, GOES_ON],
    ['TCP that is only beginning is also ended by ICMP', { state: 'SYN_SENT' }, { client: refused, server: dropped }, BREAKS],
    ['the fate is unknown if a rule cannot be predicted', {}, { client: unknown, server: through }, UNKNOWN],
    ['the fate is unknown without rules', {}, undefined, UNKNOWN],
    ['UDP continues from another port', UDP, { client: altered, server: gateway }, GOES_ON],
    ['UDP is ended by ICMP', UDP, { client: refused, server: dropped }, BREAKS],
    ['UDP that is dropped hangs', UDP, { client: dropped, server: dropped }, HANGS],
    ['a listener receives nothing more from behind a translation', LISTENER, { client: through, server: dropped }, HANGS],
    ['a listener continues if the far side may send first', LISTENER, { client: dropped, server: through }, GOES_ON],
    ['pings start again', { proto: 1, state: undefined }, { client: through, server: dropped }, GOES_ON],
    ['tunnels continue', { proto: 47, state: undefined }, { client: through, server: dropped }, GOES_ON],
    ['the fate of an expected flow is unknown', { status: TCP.status | IPS.EXPECTED }, { client: through, server: through }, UNKNOWN],
    ['the fate of SCTP is unknown', { proto: 132, state: 'ESTABLISHED' }, { client: through, server: through }, UNKNOWN],
  ])('%s', (_what, flow, prospect, fate) => {
    for (const method of [DELETE, EXPIRE]) expect(predict({ ...TCP, ...flow }, prospect, method, NOW)[0]).toBe(fate);
  });
});

test('no flow continues while it is blocked', () => {
  for (const flow of [{}, ONLY_SERVER, ONLY_CLIENT, UDP, LISTENER, { proto: 1, state: undefined }, { state: 'TIME_WAIT' }]) {
    expect(predict({ ...TCP, ...flow }, { client: through, server: through }, BLOCK, NOW)[0]).not.toBe(GOES_ON);
  }
});

test('a reset reaches the side that sends; one that only listens waits, and one silent for long may stay so', () => {
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
    { fate: GOES_ON, flows: 2, why: 'TCP is picked up by its next packet, with the same addresses and ports.' },
    { fate: GOES_ON, flows: 1, why: 'It continues with its next packet.' },
  ]);
});
