import { expect, test } from 'vitest';
import { PolicyReading as WireReading } from '../../proto/gen/ctfleet/v1/policy.ts';
import type { PolicyReading } from '../../proto/model/policy/gateway-reading.ts';
import type { PolicyRule } from '../../proto/model/policy/document.ts';
import { foreignTracking } from '../policies/reading/foreign-tracking.ts';
import { wirePolicyWithin } from './policy-answer.ts';

/** What gRPC takes. */
const MESSAGE_BYTES = 256 * 1024;

function readingOf(rules: PolicyRule[]): PolicyReading {
  // As much as an agent tells of everything else.
  const expressions = [{ kind: 'notrack' as const }];
  const chain = {
    family: 1,
    table: 't'.repeat(255),
    name: 'c'.repeat(255),
    rules: Array.from({ length: 900 }, (_, handle) => ({ handle, expressions })),
  };
  const settings = Object.entries(Array.from({ length: 200 })).map(([n]) => [`nf_conntrack_${'x'.repeat(50)}${n}_timeout`, 2 ** 31]);
  return {
    actual: { settings: Object.fromEntries(settings), unsettable: {}, helpers: [], table: { rules, helpers: [], strange: [] } },
    helpers: [],
    foreign: foreignTracking({ chains: [chain], sets: {} }, () => false),
    unread: [],
  };
}

const rule = (n: number): PolicyRule => ({
  name: `rule ${n}`,
  match: { src: Array.from({ length: 64 }, () => '10.0.0.0/8') },
  mode: 'loose',
});

test('a table of ours is told whole', () => {
  const wire = wirePolicyWithin(readingOf(Array.from({ length: 60 }, (_, n) => rule(n))));
  expect([wire.table?.rules.length, wire.unread]).toEqual([60, []]);
  expect(WireReading.encode(wire).finish().length).toBeLessThan(MESSAGE_BYTES);
});

test('one that is too large for a message is left out, and that is told', () => {
  const wire = wirePolicyWithin(readingOf(Array.from({ length: 200 }, (_, n) => rule(n))));
  expect([wire.table, wire.unread]).toEqual([undefined, ['Our own table holds 200 rules, more than an answer has room for.']]);
  expect(WireReading.encode(wire).finish().length).toBeLessThan(MESSAGE_BYTES);
});
