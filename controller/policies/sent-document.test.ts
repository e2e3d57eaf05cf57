import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differenceDigest } from '../../proto/model/policy/difference-digest.ts';
import { differenceOf } from '../../proto/model/policy/difference.ts';
import { effectivePolicy } from '../../proto/model/policy/effective.ts';
import { readPolicy } from '../../proto/model/policy/read.ts';
import { arbitraryLayers } from '../../test/support/arbitrary-policy.ts';
import { sentDocument } from './sent-document.ts';

const ACTUAL = { settings: {}, unsettable: {}, helpers: [] };

describe('all that holds on a gateway, as one document', () => {
  it('comes to the same difference where it is read again, whatever the policies', () => {
    fc.assert(
      fc.property(arbitraryLayers, (layers) => {
        const effective = effectivePolicy(layers);
        const written = sentDocument('both', effective);
        if (!('document' in written)) return expect(written.reason).toMatch(/too much|KiB/);
        const read = readPolicy(written.document);
        if (!('document' in read)) throw new Error('it cannot be read again');
        const again = effectivePolicy([{ policyId: '', level: 'gateway', document: read.document }]);
        expect(differenceDigest(differenceOf(again.values, ACTUAL))).toEqual(differenceDigest(differenceOf(effective.values, ACTUAL)));
      }),
      { numRuns: 200 },
    );
  });

  it('is refused with the reason if it is more than a gateway takes', () => {
    const rules = Array.from({ length: 150 }, (_, index) => ({ name: `rule ${index}`, match: {}, mode: 'normal' as const }));
    const layers = ['a', 'b'].map((name) => ({
      policyId: name,
      level: 'tenant' as const,
      document: {
        metadata: { name },
        spec: { table: {}, timeouts: {}, rules: rules.map((rule) => ({ ...rule, name: `${name} ${rule.name}` })) },
      },
    }));
    expect(sentDocument('both', effectivePolicy(layers))).toMatchObject({
      reason: expect.stringMatching(/^all policies that reach it are too much/),
    });
  });
});
