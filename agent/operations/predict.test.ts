import { expect, test } from 'vitest';
import { Impact_Fate as Fate } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { IPS } from '../../proto/model/status.ts';
import { predict, PredictionCounter, type FilterFacts, type Firewall } from './predict.ts';

const OPEN: FilterFacts = { isDropping: false, invalid: 'passed', dropsMidstream: false };
const STRICT: FilterFacts = { isDropping: true, invalid: 'dropped', dropsMidstream: true };
const LOOSE: Firewall = { isLoose: true, forward: OPEN, input: { ...OPEN, isDropping: true } };

/** A session behind a translation that kept its port. */
const TCP: Flow = {
  family: 4, proto: 6, zone: 0, id: 1, mark: 0, labels: [], status: IPS.SRC_NAT | IPS.SEEN_REPLY | IPS.ASSURED, state: 'ESTABLISHED', idleSeconds: 1,
  orig: { src: '10.1.0.5', dst: '198.51.100.10', sport: 40_000, dport: 443 }, reply: { src: '198.51.100.10', dst: '198.18.0.12', sport: 443, dport: 40_000 },
  origCounters: { packets: 10n, bytes: 2_000n }, replyCounters: { packets: 10n, bytes: 1_000n },
};
const REMAPPED = { ...TCP.reply, dport: 1024 };
const DOWNLOAD: Partial<Flow> = { replyCounters: { packets: 1000n, bytes: 1_000_000n } };

test.each<[what: string, flow: Partial<Flow>, firewall: Partial<Firewall>, fate: Fate]>([
  ['TCP with nothing strict is picked up', {}, {}, Fate.FATE_RECONNECTS],
  ['TCP by another external port is reset by its server', { reply: REMAPPED }, {}, Fate.FATE_BREAKS],
  ['TCP that goes on by another WAN is reset by its server', { stale: 'route-moved' }, {}, Fate.FATE_BREAKS],
  ['TCP that is not stale goes on', { stale: 'no' }, {}, Fate.FATE_RECONNECTS],
  ['a download meets a reset of the gateway where input is open', DOWNLOAD, { input: OPEN }, Fate.FATE_BREAKS],
  ['a download waits for its client where input is closed', DOWNLOAD, {}, Fate.FATE_RECONNECTS],
  ['a download of long ago is not one', { ...DOWNLOAD, idleSeconds: 60 }, { input: OPEN }, Fate.FATE_RECONNECTS],
  ['TCP hangs where tcp_loose is 0', {}, { isLoose: false }, Fate.FATE_HANGS],
  ['TCP hangs where tcp_loose is 0, whatever its port', { reply: REMAPPED }, { isLoose: false, forward: STRICT }, Fate.FATE_HANGS],
  ['TCP hangs where nothing may begin without a SYN', {}, { forward: STRICT }, Fate.FATE_HANGS],
  ['TCP breaks at once where invalid packets are reset', {}, { isLoose: false, forward: { ...STRICT, invalid: 'reset' } }, Fate.FATE_BREAKS],
  ['TCP that has ended loses nothing', { state: 'TIME_WAIT' }, { isLoose: false }, Fate.FATE_RECONNECTS],
  ['TCP that begins begins anew', { state: 'SYN_SENT' }, { isLoose: false, forward: STRICT }, Fate.FATE_RECONNECTS],
  ['without the rules nothing is said of TCP', {}, { forward: undefined }, Fate.FATE_UNKNOWN],
  ['without tcp_loose nothing is said of TCP', {}, { isLoose: undefined }, Fate.FATE_UNKNOWN],
  ['UDP goes on', { proto: 17, state: undefined }, { isLoose: false, forward: STRICT }, Fate.FATE_RECONNECTS],
  ['pings begin anew', { proto: 1, state: undefined }, {}, Fate.FATE_RECONNECTS],
  ['tunnels go on', { proto: 47, state: undefined }, {}, Fate.FATE_RECONNECTS],
  ['of an expected flow nothing is said', { status: TCP.status | IPS.EXPECTED }, {}, Fate.FATE_UNKNOWN],
  ['of SCTP nothing is said', { proto: 132, state: 'ESTABLISHED' }, {}, Fate.FATE_UNKNOWN],
])('%s', (_what, flow, firewall, fate) => {
  expect(predict({ ...TCP, ...flow }, { ...LOOSE, ...firewall })[0]).toBe(fate);
});

test('flows are counted by their fate and its reason, most first', () => {
  const counter = new PredictionCounter(LOOSE);
  for (const flow of [TCP, { ...TCP, proto: 17 }, TCP]) counter.add(flow);
  expect(counter.result()).toEqual([
    { fate: Fate.FATE_RECONNECTS, flows: 2, why: 'TCP is picked up by the client’s next packet, by the same external port.' },
    { fate: Fate.FATE_RECONNECTS, flows: 1, why: 'UDP goes on with the client’s next packet.' },
  ]);
});
