import { expect, test } from 'vitest';
import { IPS } from '../../proto/model/status.ts';
import { DEFAULT_TIMEOUTS, fullTimeout, idleSeconds, parseTimeouts } from './timeouts.ts';

const facts = { proto: 6, state: 'ESTABLISHED', status: IPS.SEEN_REPLY | IPS.ASSURED, tcpFlags: 0 };

test('timeouts are read from the names and contents of sysctl files, others are passed over', () => {
  expect(parseTimeouts([['nf_conntrack_tcp_timeout_syn_sent', '120\n'], ['nf_conntrack_udp_timeout', '30\n'], ['nf_conntrack_udp_timeout_stream', '120\n'], ['nf_conntrack_frag6_timeout', '60\n'], ['nf_conntrack_max', '5\n'], ['nf_conntrack_gre_timeout', '']]))
    .toEqual({ tcp_syn_sent: 120, udp: 30, udp_stream: 120 });
});

test.each([
  [facts, 432_000],
  [{ ...facts, state: 'TIME_WAIT' }, 120],
  [{ ...facts, status: 0 }, 300],
  [{ ...facts, tcpFlags: 0x10 }, 300],
  [{ ...facts, state: 'CLOSE', tcpFlags: 0x10 }, 10],
  [{ ...facts, state: 'SYN_SENT2' }, undefined],
  [{ ...facts, status: facts.status | IPS.FIXED_TIMEOUT }, undefined],
  [{ ...facts, status: facts.status | IPS.OFFLOAD }, undefined],
  [{ ...facts, proto: 17, state: undefined, status: IPS.SEEN_REPLY }, 30],
  [{ ...facts, proto: 17, state: undefined }, 120],
  [{ ...facts, proto: 47, state: undefined, status: 0 }, 30],
  [{ ...facts, proto: 47, state: undefined, status: IPS.SEEN_REPLY }, 180],
  [{ ...facts, proto: 50, state: undefined }, 600],
  [{ ...facts, proto: 132 }, 210],
  [{ ...facts, proto: 136, state: undefined }, undefined],
])('%j has a full timeout of %s s', (entry, seconds) => {
  expect(fullTimeout(entry, DEFAULT_TIMEOUTS)).toBe(seconds);
});

test('idle is the whole seconds that certainly passed: what remains was cut down', () => {
  expect([idleSeconds(30, 29), idleSeconds(30, 28), idleSeconds(30, 0)]).toEqual([0, 1, 29]);
});

test('idle is unknown where more remains than the state allows, as with a helper of its own timeout', () => {
  expect([idleSeconds(120, 100), idleSeconds(120, 120), idleSeconds(120, 3600), idleSeconds(undefined, 5), idleSeconds(120, undefined)]).toEqual([19, 0, undefined, undefined, undefined]);
});
