import { describe, expect, it } from 'vitest';
import { judgeWanEvent } from './wan-event.ts';

const using = (calls: number) => ({
  at: '2026-12-01T00:00:00Z',
  trying: { calls, udp: 0, tcp: 0, vpn: 0, other: 0 },
  waiting: { calls: 99, udp: 0, tcp: 0, vpn: 0, other: 0 },
});

describe('a WAN event', () => {
  it.each([
    ['open', 40, 'failed'],
    ['being-fixed', 40, 'failed'],
    ['seen', 0, 'nothing'],
    ['healed', 40, 'over'],
    ['closed', 0, 'over'],
    ['flapping', 40, 'flapping'],
  ] as const)('that is %s with %d live flows: %s', (state, calls, verdict) => {
    expect(judgeWanEvent({ state, using: using(calls) }, 1)).toBe(verdict);
  });

  it('wakes nobody before it is known which flows use the WAN', () => {
    expect(judgeWanEvent({ state: 'open' }, 1)).toBe('nothing');
  });

  it('with fewer live flows than its rule says is not', () => {
    expect(judgeWanEvent({ state: 'open', using: using(40) }, 50)).toBe('nothing');
  });
});
