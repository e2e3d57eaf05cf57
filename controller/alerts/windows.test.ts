import { describe, expect, it } from 'vitest';
import { windowOn, type Window, type ZonedPlace } from './windows.ts';

const place: ZonedPlace = { id: 'g', tenantId: 't', siteId: 's', tags: ['hotel'], timeZone: 'Europe/Rome' };
const window = (change: Partial<Window> = {}): Window => ({
  id: 'w',
  tenantId: 't',
  name: 'nightly',
  level: 'tenant',
  tag: null,
  siteId: null,
  gatewayId: null,
  when: { kind: 'cron', cron: '0 3 * * *', minutes: 60 },
  timeZone: 'site',
  ...change,
});
const at = (text: string): number => Date.parse(text);

describe('a maintenance window', () => {
  it('is open by the time of each gateway’s site', () => {
    expect(windowOn([window()], place, at('2026-12-01T02:30:00Z'))!.untilMs).toBe(at('2026-12-01T03:00:00Z'));
    expect(windowOn([window()], { ...place, timeZone: 'America/New_York' }, at('2026-12-01T02:30:00Z'))).toBeUndefined();
    expect(windowOn([window()], { ...place, timeZone: 'America/New_York' }, at('2026-12-01T08:30:00Z'))).toBeDefined();
  });

  it('ends when it says, to the minute', () => {
    expect(windowOn([window()], place, at('2026-12-01T02:59:59Z'))).toBeDefined();
    expect(windowOn([window()], place, at('2026-12-01T03:00:00Z'))).toBeUndefined();
  });

  it('once is between its two times', () => {
    const once = window({ when: { kind: 'once', from: '2026-12-01T10:00:00Z', to: '2026-12-01T12:00:00Z' } });
    expect(windowOn([once], place, at('2026-12-01T11:00:00Z'))).toBeDefined();
    expect(windowOn([once], place, at('2026-12-01T12:00:00Z'))).toBeUndefined();
  });

  it('is of the gateways that it names only', () => {
    const now = at('2026-12-01T02:30:00Z');
    expect(windowOn([window({ level: 'site', siteId: 'other' })], place, now)).toBeUndefined();
    expect(windowOn([window({ level: 'tag', tag: 'hotel' })], place, now)).toBeDefined();
    expect(windowOn([window({ tenantId: 'other' })], place, now)).toBeUndefined();
  });

  it('of several that are open, counts the one that ends last', () => {
    const long = window({ name: 'long', when: { kind: 'cron', cron: '0 2 * * *', minutes: 240 } });
    expect(windowOn([window(), long], place, at('2026-12-01T02:30:00Z'))!.window.name).toBe('long');
  });
});
