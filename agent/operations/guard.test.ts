import { expect, test } from 'vitest';
import type { Flow } from '../../proto/model/flow.ts';
import { builtInProtections, protectionOf } from './guard.ts';

const PROTECTIONS = builtInProtections(['198.18.0.12', 'fd00::1'], { addresses: ['192.0.2.9'], port: 4444 }, ['198.18.0.1', '2001:db8::1']);
const ping = (src: string, dst: string, proto = 1): Flow => ({
  family: src.includes(':') ? 6 : 4,
  proto,
  zone: 0,
  id: 1,
  mark: 0,
  labels: [],
  status: 0,
  orig: { src, dst, icmp: { type: 8, code: 0, id: 7 } },
  reply: { src: dst, dst: src, icmp: { type: 0, code: 0, id: 7 } },
});

test('pings from the gateway to its probe targets are protected; pings from and to others are not', () => {
  const reasons = [
    ping('198.18.0.12', '198.18.0.1'),
    ping('fd00::1', '2001:db8::1', 58),
    ping('10.1.0.5', '198.18.0.1'),
    ping('198.18.0.12', '198.51.100.10'),
  ].map((flow) => protectionOf(flow, PROTECTIONS, 0));
  expect(reasons).toEqual(['WAN probe', 'WAN probe', undefined, undefined]);
});

test('without probes no pings are protected', () => {
  expect(builtInProtections([], undefined).map(({ reason }) => reason)).toEqual(['SSH to the gateway']);
});
