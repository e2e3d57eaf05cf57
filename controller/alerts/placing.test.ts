import { describe, expect, it } from 'vitest';
import type { FoundAlert, OpenAlert } from './judging/found-alert.ts';
import { childrenOf, parentOf } from './placing.ts';

const at = (seconds: number): Date => new Date(Date.UTC(2026, 11, 1) + seconds * 1000);
const open = (kind: string, change: Partial<OpenAlert> = {}): OpenAlert => ({
  id: kind,
  fingerprint: kind,
  gatewayId: 'g',
  kind,
  severity: 'critical',
  parentId: null,
  pendingSince: at(0),
  isPending: false,
  ...change,
});
const found = (kind: FoundAlert['kind'], change: Partial<FoundAlert> = {}) => ({
  id: 'new',
  gatewayId: 'g',
  kind,
  severity: 'critical' as const,
  pendingSince: at(0),
  ...change,
});

describe('one event is one alert', () => {
  it('what a failed WAN brings about is part of its event, rather than of another alert', () => {
    expect(parentOf(found('losses'), [open('usage'), open('wan-event')])).toBe('wan-event');
  });

  it('what is as severe as an open one about load, or less, is part of it', () => {
    expect(parentOf(found('time-to-full'), [open('usage')])).toBe('usage');
    expect(parentOf(found('usage'), [open('losses', { severity: 'warning' })])).toBeUndefined();
  });

  it('what is more severe takes the others as its children', () => {
    expect(childrenOf(found('usage'), [open('usage', { id: 'warning', severity: 'warning' }), open('losses')])).toEqual(['warning']);
  });

  it('a WAN event takes what began with it or after it, and not what was there before', () => {
    const event = found('wan-event', { pendingSince: at(600) });
    expect(childrenOf(event, [open('usage', { pendingSince: at(590) }), open('losses', { pendingSince: at(100) })])).toEqual(['usage']);
  });

  it.each([
    ['another gateway', { gatewayId: 'h' }],
    ['what only pends', { isPending: true }],
    ['what is itself part of another', { parentId: 'x' }],
  ])('is not with %s', (_, change) => {
    expect(parentOf(found('losses'), [open('usage', change)])).toBeUndefined();
    expect(childrenOf(found('usage'), [open('usage', { severity: 'warning', ...change })])).toEqual([]);
  });

  it('a silent gateway, or a broken guard file, stands for itself', () => {
    expect(parentOf(found('silent'), [open('usage')])).toBeUndefined();
    expect(childrenOf(found('guard'), [open('usage', { severity: 'info' })])).toEqual([]);
  });
});
