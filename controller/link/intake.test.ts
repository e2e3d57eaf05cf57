import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Intake } from './intake.ts';

const GW = { gatewayId: 'gw1', tenantId: 'acme' };
const OTHER = { gatewayId: 'gw2', tenantId: 'other' };
const MB = 1024 * 1024;

/** The seconds to wait in a refusal. */
function secondsOf(work: () => unknown): number {
  try {
    work();
  } catch (error) {
    if (error instanceof FleetError && error.code === 'RATE_LIMITED') return Number(error.fields.retryAfterSeconds);
    throw error;
  }
  return 0;
}

describe('intake', () => {
  it('takes at once what an honest gateway sends after a day offline', () => {
    const intake = new Intake();
    for (let batch = 0; batch < 144; batch++) expect(intake.take(GW, { messages: 1, bytes: 60 * 1024, writes: 1 }, 0)).toBe(0);
  });

  it('holds back a gateway that exceeds its rate, and takes from it again with time', () => {
    const intake = new Intake();
    expect(intake.take(GW, { bytes: 48 * MB }, 0)).toBe(0);
    expect(intake.take(GW, { bytes: 4 * MB }, 0)).toBe(1000);
    expect(intake.take(GW, { bytes: 4 * MB }, 2000)).toBe(0);
  });

  it('never lets more through than burst and rate, whatever arrives and when', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ afterMs: fc.nat(500), bytes: fc.nat(256 * 1024) }), { maxLength: 400 }), (messages) => {
        const intake = new Intake();
        let [nowMs, taken] = [0, 0];
        for (const { afterMs, bytes } of messages) {
          nowMs += afterMs;
          try {
            nowMs += intake.take(GW, { bytes }, nowMs);
          } catch {
            return;
          }
          taken += bytes;
          expect(taken).toBeLessThanOrEqual(48 * MB + ((nowMs + 1) / 1000) * 4 * MB + 256 * 1024);
        }
      }),
    );
  });

  it('disconnects a flood, and refuses the next connection for longer each time', () => {
    const intake = new Intake();
    const flood = (nowMs: number): number => {
      let at = nowMs;
      for (let message = 0; message < 50_000; message++) {
        let waitMs = 0;
        const seconds = secondsOf(() => {
          waitMs = intake.take(GW, { messages: 1 }, at);
        });
        if (seconds > 0) return seconds;
        at += waitMs;
      }
      throw new Error('the flood was never cut');
    };
    expect(flood(0)).toBe(1);
    expect(secondsOf(() => intake.begin(GW, 'session', 400_000))).toBe(0);
    expect(flood(400_000)).toBe(2);
    expect(intake.counts.refused).toBe(2);
  });

  it('disconnects a gateway that keeps sending useless messages, at no cost to a neighbour', () => {
    const intake = new Intake();
    const seconds = Array.from({ length: 14 }, () => secondsOf(() => intake.noteUseless(GW, 0)));
    expect(seconds).toEqual([...Array<number>(10).fill(0), 1, 2, 4, 8]);
    expect(secondsOf(() => intake.begin(GW, 'session', 1000))).toBe(7);
    expect(secondsOf(() => intake.begin(OTHER, 'session', 1000))).toBe(0);
    expect(intake.take(OTHER, { messages: 1, bytes: 1000, writes: 1 }, 1000)).toBe(0);
  });

  it('holds back the sender of a useless message, and nobody else, and does not count the wait against it', () => {
    const intake = new Intake();
    intake.noteUseless(GW, 0);
    expect(intake.take(GW, { messages: 1 }, 100)).toBe(150);
    expect(intake.take({ ...GW, gatewayId: 'gw9' }, { messages: 1 }, 100)).toBe(0);
    expect(intake.take(GW, { messages: 1 }, 250)).toBe(0);
    for (let at = 1000; at < 100_000; at += 5000) {
      intake.noteUseless(GW, at);
      for (let message = 0; message < 1000; message++) intake.take(GW, { messages: 1 }, at);
    }
    expect(intake.counts.refused).toBe(0);
  });

  it('forgives with time: the wait halves with every ten quiet minutes', () => {
    const intake = new Intake();
    for (let at = 0; at < 40; at++) secondsOf(() => intake.noteUseless(GW, 0));
    const longest = secondsOf(() => intake.noteUseless(GW, 0));
    expect(longest).toBe(600);
    const later = 600_000 + 9 * 600_000 + 1;
    for (let at = 0; at < 10; at++) intake.noteUseless(GW, later);
    expect(secondsOf(() => intake.noteUseless(GW, later))).toBeLessThanOrEqual(4);
  });

  it('refuses a gateway that connects too often', () => {
    const intake = new Intake();
    for (let dial = 0; dial < 30; dial++) intake.begin(GW, 'session', 0);
    expect(secondsOf(() => intake.begin(GW, 'session', 0))).toBe(1);
    expect(secondsOf(() => intake.begin(GW, 'session', 10_000))).toBe(0);
  });

  it('slows down gateways of a tenant together, and disconnects none of them because of the others', () => {
    const intake = new Intake();
    let waitMs = 0;
    for (let id = 0; id < 600; id++)
      for (let write = 0; write < 10; write++) waitMs = intake.take({ gatewayId: `gw${id}`, tenantId: 'acme' }, { writes: 1 }, 0);
    expect(waitMs).toBeGreaterThan(0);
    expect(intake.counts.refused).toBe(0);
    expect(intake.take(OTHER, { writes: 1 }, 0)).toBe(0);
  });
});
