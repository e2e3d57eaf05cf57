import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Entry } from '../../../agent/conntrack/wire/entry.ts';
import type { PolicyRule } from '../../../proto/model/policy/document.ts';
import { Namespace } from '../../support/namespace.ts';
import { ACK, Connection, FORWARDED, PolicyTrial, type Family } from '../../support/policy-trial.ts';
import { until } from '../../support/until.ts';

const why = Namespace.why();
/** By the kernel's clock, which no test can turn: longer than a busy machine keeps a process waiting. */
const SHORT_SECONDS = 6;
const LONG_SECONDS = 60;
const idle = (name: string, proto: 'tcp' | 'udp', port: number, idleTimeoutSeconds: number): PolicyRule => ({
  name,
  match: { proto, dport: [{ from: port, to: port }] },
  idleTimeoutSeconds,
});
const RULES = [
  idle('short', 'udp', 4000, SHORT_SECONDS),
  idle('long', 'udp', 4001, LONG_SECONDS),
  idle('short-tcp', 'tcp', 443, SHORT_SECONDS),
  idle('long-tcp', 'tcp', 444, LONG_SECONDS),
];

describe.skipIf(why !== undefined)(`an idle timeout of a rule${why ? ` (skipped: ${why})` : ''}`, () => {
  let trial: PolicyTrial;
  beforeAll(() => {
    trial = new PolicyTrial('ctw-timeouts');
    trial.stage.reset();
  });
  afterEach(() => trial.reset());
  afterAll(() => trial?.end());

  const udp = (family: Family, sport: number, dport: number): string => trial.send('lan', family, 'udp', { sport, dport });
  const entry = (family: Family, proto: 'tcp' | 'udp', sport: number, dport: number): Entry | undefined =>
    trial.stage.entry(trial.packet('lan', family, proto, { sport, dport }));

  test('ends what is idle after its own time, each rule by its own, and never what has packets, in both families', async () => {
    await trial.apply({ rules: RULES });
    const families = [4, 6] as const;
    const busy = families.map((family) => new Connection(trial, family, 5001, 443));
    for (const family of families) {
      for (const [sport, dport] of [
        [5000, 4000],
        [5000, 4001],
        [5001, 4000],
      ] as const)
        expect(udp(family, sport, dport)).toBe(FORWARDED.lan);
      for (const [sport, dport] of [
        [5000, 443],
        [5000, 444],
      ] as const)
        new Connection(trial, family, sport, dport).open();
    }
    for (const connection of busy) connection.open();
    const busyNow = (): number[] =>
      families.flatMap((family) => [entry(family, 'udp', 5001, 4000)?.id ?? 0, entry(family, 'tcp', 5001, 443)?.id ?? 0]);
    const before = busyNow();
    expect(before).not.toContain(0);
    for (const family of families) {
      expect(entry(family, 'udp', 5000, 4000)!.timeoutSeconds).toBeLessThanOrEqual(SHORT_SECONDS);
      expect(entry(family, 'tcp', 5000, 443)!.timeoutSeconds).toBeLessThanOrEqual(SHORT_SECONDS);
      expect(entry(family, 'udp', 5000, 4001)!.timeoutSeconds).toBeGreaterThan(SHORT_SECONDS);
      expect(entry(family, 'tcp', 5000, 444)!.timeoutSeconds).toBeGreaterThan(SHORT_SECONDS);
    }
    await until('what is idle has ended', () => {
      for (const family of families) udp(family, 5001, 4000);
      for (const connection of busy) connection.segment('lan', ACK);
      return families.every((family) => !entry(family, 'udp', 5000, 4000) && !entry(family, 'tcp', 5000, 443)) || undefined;
    });
    // They began no later than those that have ended, and are the same entries.
    expect(busyNow()).toEqual(before);
    for (const family of families) {
      expect(entry(family, 'udp', 5000, 4001)?.timeoutSeconds).toBeLessThanOrEqual(LONG_SECONDS);
      expect(entry(family, 'tcp', 5000, 444)?.state).toBe('ESTABLISHED');
    }
  });
});
