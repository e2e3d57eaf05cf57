import { describe, expect, it } from 'vitest';
import { BEAT_MS, canTakeOver, DEAD_MS, Steadiness, type Replica } from './replica.ts';

const replica = (roles: string[], more: Partial<Replica> = {}): Replica => ({
  id: 'r',
  version: '0.1.0',
  roles,
  peerAddress: null,
  isDraining: false,
  isAlive: true,
  ...more,
});

describe('a replica that stops', () => {
  it('is replaced by others that together have all its roles', () => {
    expect(canTakeOver([replica(['api']), replica(['link', 'work'])], ['api', 'link', 'work'])).toBe(true);
    expect(canTakeOver([replica(['api', 'work'])], ['api', 'link'])).toBe(false);
    expect(canTakeOver([], ['api'])).toBe(false);
  });

  it('is not replaced by one that died or stops as well', () => {
    expect(canTakeOver([replica(['link'], { isAlive: false })], ['link'])).toBe(false);
    expect(canTakeOver([replica(['link'], { isDraining: true })], ['link'])).toBe(false);
  });
});

describe('a replica that looks for dead ones', () => {
  it('must have beaten for a while itself', () => {
    const own = new Steadiness();
    expect(own.isSteady()).toBe(false);
    for (let ms = 0; ms < DEAD_MS; ms += BEAT_MS) {
      own.beaten(ms);
      expect(own.isSteady()).toBe(false);
    }
    own.beaten(DEAD_MS);
    expect(own.isSteady()).toBe(true);
  });

  it('begins anew after a gap: the others may not have been able to beat either', () => {
    const own = new Steadiness();
    for (let ms = 0; ms <= DEAD_MS; ms += BEAT_MS) own.beaten(ms);
    own.beaten(300_000);
    expect(own.isSteady()).toBe(false);
    for (let ms = 0; ms <= DEAD_MS; ms += BEAT_MS) own.beaten(300_000 + ms);
    expect(own.isSteady()).toBe(true);
  });
});
