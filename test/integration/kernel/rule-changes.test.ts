import { describe, expect, test } from 'vitest';
import { readKernelRuleset } from '../../../agent/rules/kernel-ruleset.ts';
import type { Packet } from '../../../agent/rules/packet.ts';
import { RuleEvents } from '../../../agent/rules/rule-events.ts';
import { RulesReader } from '../../../agent/rules/rules-reader.ts';
import { Namespace } from '../../support/namespace.ts';

const why = Namespace.why();
const packet = (last: number): Packet => ({
  family: 4, in: 'lan', out: 'wan', src: Uint8Array.of(10, 0, 0, last), dst: Uint8Array.of(198, 51, 100, 1), proto: 17, sport: 4000, dport: 53, mark: 0, ct: { state: 'new', direction: 'original' },
});
const BLOCKLIST = `table inet fw {
  set banned { type ipv4_addr; flags timeout; }
  chain forward {
    type filter hook forward priority filter
    ip saddr @banned drop
  }
}`;

/** A reader in a namespace, whose clock the test moves. */
function stage(work: (tools: { namespace: Namespace; clock: { ms: number }; reads: () => number; verdict: (last: number) => string }) => void): void {
  const namespace = Namespace.create('ctw-rules-ev');
  const leave = namespace.enter();
  let events: RuleEvents | undefined;
  try {
    events = new RuleEvents();
    const clock = { ms: 0 };
    let reads = 0;
    const reader = new RulesReader({ now: () => clock.ms, events, readRuleset: () => { reads++; return readKernelRuleset(); }, whyPartial: () => undefined });
    const verdict = (last: number): string => {
      const rules = reader.current();
      if (!rules.isKnown) return rules.why;
      const answer = rules.value.verdict('forward', packet(last));
      return answer.isKnown ? answer.value.kind : answer.why;
    };
    work({ namespace, clock, reads: () => reads, verdict });
  } finally {
    events?.close();
    leave();
    namespace.remove();
  }
}

describe.skipIf(why !== undefined)(`changes of rules${why ? ` (skipped: ${why})` : ''}`, () => {
  test('a rule and an address of a set count within a second after they were made', () => {
    stage(({ namespace, clock, verdict }) => {
      expect(verdict(5)).toBe('accepted');
      clock.ms += 1000;
      namespace.nft(BLOCKLIST);
      expect(verdict(5)).toBe('accepted');
      namespace.run('nft', 'add element inet fw banned { 10.0.0.5 timeout 1h }');
      expect(verdict(5)).toBe('accepted'); // it was read just now
      clock.ms += 1000;
      expect([verdict(5), verdict(6)]).toEqual(['dropped', 'accepted']);
      namespace.run('nft', 'flush chain inet fw forward');
      clock.ms += 1000;
      expect(verdict(5)).toBe('accepted');
    });
  });

  test('rules that nobody changed are not read again for a minute, those that change all the time five times a second at most', () => {
    stage(({ namespace, clock, reads, verdict }) => {
      namespace.nft(BLOCKLIST);
      verdict(5);
      for (let n = 0; n < 59; n++) {
        clock.ms += 1000;
        verdict(5);
      }
      expect(reads()).toBe(1);
      for (let n = 1; n <= 20; n++) {
        namespace.run('nft', `add element inet fw banned { 10.0.1.${n} timeout 1h }`);
        clock.ms += 100;
        verdict(5);
      }
      expect(reads()).toBeLessThanOrEqual(1 + 10); // the first and five a second
    });
  });

  test('an element that may end any moment is not known to be there', () => {
    stage(({ namespace, verdict }) => {
      namespace.nft(BLOCKLIST);
      namespace.run('nft', 'add element inet fw banned { 10.0.0.5 timeout 30s }');
      expect(verdict(5)).toContain('inet fw forward handle');
      expect(verdict(6)).toBe('accepted');
    });
  });

  test('a set of 100,000 addresses makes its rule not known, and no other', () => {
    stage(({ namespace, verdict }) => {
      const addresses = Array.from({ length: 100_000 }, (_, n) => `100.${64 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`);
      namespace.nft(`table inet fw {\n set banned { type ipv4_addr; elements = { ${addresses.join(', ')} }; }\n chain forward {\n type filter hook forward priority filter\n ip saddr 10.0.0.6 accept\n ip saddr @banned drop\n }\n}`);
      const began = process.memoryUsage().rss;
      expect(verdict(6)).toBe('accepted');
      expect(verdict(5)).toContain('banned: it has more than 20000 elements');
      expect(process.memoryUsage().rss - began).toBeLessThan(100 << 20);
    });
  });
});
