import fc from 'fast-check';
import { expect, it } from 'vitest';
import { arbitraryDocument, arbitraryLayers } from '../../../test/support/arbitrary-policy.ts';
import type { PolicyDocument } from './document.ts';
import { effectiveDocument } from './effective-document.ts';
import { effectivePolicy, type EffectivePolicy } from './effective.ts';
import { readPolicy } from './read.ts';
import { writePolicy } from './write.ts';

const alone = (document: PolicyDocument): EffectivePolicy => effectivePolicy([{ policyId: '', level: 'gateway', document }]);
const textOf = (effective: EffectivePolicy): string => writePolicy(effectiveDocument(effective));

it('all that holds on a gateway reads as itself, and is the same text when it alone holds', () => {
  fc.assert(
    fc.property(arbitraryLayers, (layers) => {
      const effective = effectivePolicy(layers);
      const read = readPolicy(textOf(effective));
      // Of many layers there may be more rules than a document has.
      fc.pre('document' in read);
      expect(textOf(alone((read as { document: PolicyDocument }).document))).toBe(textOf(effective));
    }),
    { numRuns: 200 },
  );
});

it('a policy that is put in force by hand comes to the same text as the same values from elsewhere, whatever its name and tenant', () => {
  fc.assert(
    fc.property(arbitraryDocument, (document) => {
      const other = { metadata: { name: 'another', tenant: 'umbra' }, spec: alone(document).values };
      expect(textOf(alone(other))).toBe(textOf(alone(document)));
    }),
    { numRuns: 200 },
  );
});

it('what happens to drift is part of it, and inherited as any value', () => {
  const spec = { table: {}, timeouts: {}, rules: [] };
  const layers = [
    { policyId: 'a', level: 'fleet' as const, document: { metadata: { name: 'base' }, spec: { ...spec, drift: 'restore' as const } } },
    { policyId: 'b', level: 'site' as const, document: { metadata: { name: 'own' }, spec } },
  ];
  const effective = effectivePolicy(layers);
  expect([effective.values.drift, effective.origins.drift]).toEqual(['restore', { policyId: 'a', policy: 'base', level: 'fleet' }]);
  expect(textOf(effective)).toContain('drift: restore');
});
