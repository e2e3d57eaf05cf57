import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryLayers } from '../../../test/support/arbitrary-policy.ts';
import type { PolicyRule, PolicySpec } from './document.ts';
import { effectivePolicy, rulePath, type PolicyLayer } from './effective.ts';
import { timeoutEntries } from './settings.ts';

const layer = (level: PolicyLayer['level'], name: string, spec: Partial<PolicySpec>, of?: string): PolicyLayer => ({
  policyId: `id-${name}`,
  level,
  ...(of !== undefined && { of }),
  document: { metadata: { name }, spec: { table: {}, timeouts: {}, rules: [], ...spec } },
});
const rule = (name: string, mode: PolicyRule['mode']): PolicyRule => ({ name, match: {}, mode });

describe('the effective policy', () => {
  it('has each value from the narrowest level that gives it, and says from which', () => {
    const fleet = layer('fleet', 'base', {
      table: { max: 1000, buckets: 500 },
      timeouts: { icmp: 10, generic: 60 },
      helpers: ['ftp'],
      accounting: true,
    });
    const site = layer('site', 'west', { table: { max: 2000 }, timeouts: { icmp: 20 }, helpers: [] }, 'West');
    const { values, origins } = effectivePolicy([site, fleet]);
    expect(values).toEqual({
      table: { max: 2000, buckets: 500 },
      timeouts: { icmp: 20, generic: 60 },
      helpers: [],
      accounting: true,
      rules: [],
    });
    const [ofFleet, ofSite] = [
      { policyId: 'id-base', policy: 'base', level: 'fleet' },
      { policyId: 'id-west', policy: 'west', level: 'site', of: 'West' },
    ];
    expect(origins).toEqual({
      'table.max': ofSite,
      'table.buckets': ofFleet,
      'timeouts.icmp': ofSite,
      'timeouts.generic': ofFleet,
      helpers: ofSite,
      accounting: ofFleet,
    });
  });

  it('takes a profile for values of its policy, before those that are written there', () => {
    const { values, origins } = effectivePolicy([
      layer('fleet', 'base', { timeouts: { 'udp.replied': 90, 'udp.unreplied': 5, generic: 77 } }),
      layer('tenant', 'busy', { profile: 'busy-nat', timeouts: { 'udp.unreplied': 11 } }),
    ]);
    expect(values.timeouts).toMatchObject({
      'tcp.established': 3600,
      'tcp.timeWait': 30,
      'udp.replied': 60,
      'udp.unreplied': 11,
      generic: 77,
    });
    expect(origins['timeouts.udp.replied']).toEqual({ policyId: 'id-busy', policy: 'busy', level: 'tenant', isByProfile: true });
    expect(origins['timeouts.udp.unreplied']).toEqual({ policyId: 'id-busy', policy: 'busy', level: 'tenant' });
  });

  it('merges rules by name, those of narrower levels first', () => {
    const { values, origins } = effectivePolicy([
      layer('fleet', 'base', { rules: [rule('a', 'normal'), rule('b', 'normal')] }),
      layer('gateway', 'own', { rules: [rule('c', 'off'), rule('b', 'strict')] }),
    ]);
    expect(values.rules).toEqual([rule('c', 'off'), rule('b', 'strict'), rule('a', 'normal')]);
    expect(origins[rulePath('b')]).toMatchObject({ policy: 'own' });
    expect(origins[rulePath('a')]).toMatchObject({ policy: 'base' });
  });

  it('of two policies of one level has the values of the one whose name comes later', () => {
    const both = [layer('tag', 'zebra', { accounting: true }), layer('tag', 'ant', { accounting: false })];
    expect(effectivePolicy(both).values.accounting).toBe(true);
    expect(effectivePolicy(both.toReversed())).toEqual(effectivePolicy(both));
  });

  it('of two policies of one name has the values of the one whose id comes later', () => {
    const both = [true, false].map((accounting, index) => ({ ...layer('tag', 'same', { accounting }), policyId: String(index) }));
    expect(effectivePolicy(both).values.accounting).toBe(false);
    expect(effectivePolicy(both.toReversed())).toEqual(effectivePolicy(both));
  });

  it('is the same in whatever order its layers come, and with each of them twice', () => {
    fc.assert(
      fc.property(
        arbitraryLayers.chain((layers) => fc.tuple(fc.constant(layers), fc.shuffledSubarray(layers, { minLength: layers.length }))),
        ([layers, shuffled]) => {
          const effective = effectivePolicy(layers);
          expect(effectivePolicy(shuffled)).toEqual(effective);
          expect(effectivePolicy([...shuffled, ...layers])).toEqual(effective);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('does not change by a layer that it alone makes up', () => {
    fc.assert(
      fc.property(arbitraryLayers, (layers) => {
        const { values } = effectivePolicy(layers);
        const own: PolicyLayer = { policyId: 'z', level: 'gateway', of: 'z', document: { metadata: { name: '\u{10ffff}' }, spec: values } };
        expect(effectivePolicy([...layers, own]).values).toEqual(values);
        expect(effectivePolicy([own]).values).toEqual(values);
      }),
      { numRuns: 100 },
    );
  });

  it('names for every value an existing layer that has it', () => {
    fc.assert(
      fc.property(arbitraryLayers, (layers) => {
        const { values, origins } = effectivePolicy(layers);
        const { table, timeouts, rules, ...rest } = values;
        const paths = [
          ...Object.keys(table).map((key) => `table.${key}`),
          ...timeoutEntries(timeouts).map(([key]) => `timeouts.${key}`),
          ...Object.keys(rest),
          ...rules.map(({ name }) => rulePath(name)),
        ];
        expect(Object.keys(origins).toSorted()).toEqual(paths.toSorted());
        for (const [path, { policyId, isByProfile }] of Object.entries(origins)) {
          const { spec } = layers.find((one) => one.policyId === policyId)!.document;
          const [group, ...key] = path.split('.');
          if (isByProfile) expect(spec.profile).toBeDefined();
          else if (group === 'rules')
            expect(spec.rules.find(({ name }) => rulePath(name) === path)).toEqual(rules.find(({ name }) => rulePath(name) === path));
          else if (group === 'table' || group === 'timeouts') expect(Object.keys(spec[group])).toContain(key.join('.'));
          else expect(spec).toHaveProperty(group!);
        }
      }),
      { numRuns: 100 },
    );
  });
});
