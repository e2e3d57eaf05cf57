import { describe, expect, test } from 'vitest';
import { KernelRules } from '../../../agent/conntrack/stale/kernel-rules.ts';
import type { Packet } from '../../../agent/firewall/rules/packet.ts';
import { Namespace } from '../../support/namespace.ts';

const why = Namespace.why();
const packet = (last: number): Packet => ({
  family: 4,
  in: 'lan',
  out: 'wan',
  src: Uint8Array.of(10, 0, 0, last),
  dst: Uint8Array.of(198, 51, 100, 1),
  proto: 17,
  sport: 4000,
  dport: 53,
  mark: 0,
  ct: { state: 'new', direction: 'original' },
});
const BLOCKLIST = `table inet fw {
  set banned { type ipv4_addr; flags timeout; }
  chain forward {
    type filter hook forward priority filter
    ip saddr @banned drop
  }
}`;

/** The rules of a namespace, as a query finds them. */
function stage(work: (tools: { namespace: Namespace; rules: KernelRules; verdict: (last: number) => string }) => void): void {
  const namespace = Namespace.create('ctw-rules-ev');
  const leave = namespace.enter();
  try {
    const rules = new KernelRules();
    const verdict = (last: number): string => {
      const answer = rules.whole({ destinations: undefined }).verdict('forward', packet(last));
      return answer.isKnown ? answer.value.kind : answer.why;
    };
    work({ namespace, rules, verdict });
  } finally {
    leave();
    namespace.remove();
  }
}

describe.skipIf(why !== undefined)(`changes of rules${why ? ` (skipped: ${why})` : ''}`, () => {
  test('a new rule and a new set element count for the next query', () => {
    stage(({ namespace, verdict }) => {
      expect(verdict(5)).toBe('accepted');
      namespace.nft(BLOCKLIST);
      expect(verdict(5)).toBe('accepted');
      namespace.run('nft', 'add element inet fw banned { 10.0.0.5 timeout 1h }');
      expect([verdict(5), verdict(6)]).toEqual(['dropped', 'accepted']);
      namespace.run('nft', 'flush chain inet fw forward');
      expect(verdict(5)).toBe('accepted');
    });
  });

  test('what is known of translation is kept while only filter rules change', () => {
    stage(({ namespace, rules }) => {
      const routes = { destinations: undefined };
      namespace.nft(BLOCKLIST);
      const before = rules.current(routes);
      namespace.run('nft', 'add element inet fw banned { 10.0.0.5 timeout 1h }');
      expect(rules.current(routes)).toBe(before);
      namespace.nft('table inet nat { chain leaving { type nat hook postrouting priority srcnat; masquerade; }; }');
      expect(rules.current(routes)).not.toBe(before);
    });
  });

  test('an element that may expire at any moment is not known to be there', () => {
    stage(({ namespace, verdict }) => {
      namespace.nft(BLOCKLIST);
      namespace.run('nft', 'add element inet fw banned { 10.0.0.5 timeout 30s }');
      expect(verdict(5)).toContain('inet fw forward handle');
      expect(verdict(6)).toBe('accepted');
    });
  });

  test('a set of 100,000 addresses makes its rule unknown, and no other', () => {
    stage(({ namespace, verdict }) => {
      const addresses = Array.from({ length: 100_000 }, (_, n) => `100.${64 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`);
      namespace.nft(
        `table inet fw {\n set banned { type ipv4_addr; elements = { ${addresses.join(', ')} }; }\n chain forward {\n type filter hook forward priority filter\n ip saddr 10.0.0.6 accept\n ip saddr @banned drop\n }\n}`,
      );
      const began = process.memoryUsage().rss;
      expect(verdict(6)).toBe('accepted');
      expect(verdict(5)).toContain('banned: it has more than 20000 elements');
      expect(process.memoryUsage().rss - began).toBeLessThan(100 << 20);
    });
  });

  test('a rule that adds to a set which counts connections is not known to match', () => {
    stage(({ namespace, verdict }) => {
      namespace.nft(`table inet fw {
        set many { type ipv4_addr; flags dynamic; size 100; ct count over 5; }
        set seen { type ipv4_addr; flags dynamic; size 100; counter; }
        chain forward {
          type filter hook forward priority filter
          ip saddr 10.0.0.6 update @seen { ip saddr } accept
          add @many { ip saddr } drop
        }
      }`);
      expect(verdict(5)).toContain('the set many counts packets');
      expect(verdict(6)).toBe('accepted');
    });
  });
});
