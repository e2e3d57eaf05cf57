import { expect, test } from 'vitest';
import { Flow as WireFlow } from '../gen/ctfleet/v1/flow.ts';
import type { Flow } from '../model/flow.ts';
import { fromWireFlow, toWireFlow } from './flow.ts';

const flow: Flow = {
  family: 4,
  proto: 6,
  zone: 7,
  id: 0xdeadbeef,
  mark: 0,
  labels: [],
  status: 14,
  state: 'ESTABLISHED',
  orig: { src: '10.1.0.2', dst: '198.51.100.10', sport: 40_000, dport: 443 },
  reply: { src: '198.51.100.10', dst: '198.18.0.12', sport: 443, dport: 40_000 },
};

test.each<[string, Flow['tracker']]>([
  ['nothing', undefined],
  ['window scales, one of them 0', { windowScale: { orig: 0, reply: 14 } }],
  [
    'offsets of both signs',
    { seqAdjust: { orig: { position: 0xffffffff, before: -3, after: 12 }, reply: { position: 0, before: 0, after: 0 } } },
  ],
  ['a SYN proxy’s answer', { synproxy: { isn: 1, its: 0xfffffffe, timestampOffset: 3 } }],
  ['tags and roles', { sctpTags: { orig: 0xcafe, reply: 0xffffffff }, dccp: { role: 1, handshakeSeq: 2n ** 48n - 1n } }],
])('a flow whose tracker has %s survives the link', (_, tracker) => {
  expect(fromWireFlow(WireFlow.decode(WireFlow.encode(toWireFlow({ ...flow, tracker })).finish()))).toEqual({ ...flow, tracker });
});
