import { describe, expect, it } from 'vitest';
import type { PolicyDocument, PolicySpec } from '../../proto/model/policy/document.ts';
import type { AttachedPolicy } from '../policies/layers.ts';
import type { Place } from '../policies/targets.ts';
import { WantedDigests } from './wanted-digests.service.ts';

const HERE: Place = { id: 'g', tenantId: 't', siteId: 's', tags: [] };
const EMPTY: PolicySpec = { table: {}, timeouts: {}, rules: [] };
const policy = (id: string, spec: Partial<PolicySpec>, more: Partial<AttachedPolicy> = {}): AttachedPolicy => ({
  id,
  tenantId: 't',
  level: 'tenant',
  tag: null,
  siteId: null,
  gatewayId: null,
  document: { metadata: { name: id }, spec: { ...EMPTY, ...spec } },
  ...more,
});
const of = (...policies: AttachedPolicy[]) => new WantedDigests().on(policies, [HERE]);

describe('what all policies come to', () => {
  it('is the same for the same values, whatever the policies are called and however many they are', async () => {
    const one = await of(policy('a', { accounting: true, timeouts: { icmp: 10 } }));
    expect(await of(policy('x', { accounting: true }), policy('y', { timeouts: { icmp: 10 } }))).toEqual(one);
    expect(await of(policy('a', { accounting: true }))).not.toEqual(one);
  });

  it('is nothing where no policy reaches, and something where one does that says nothing', async () => {
    const places = [{ ...HERE, siteId: 'other' }, HERE];
    const [there, here] = await new WantedDigests().on([policy('a', {}, { level: 'site', siteId: 's' })], places);
    expect([there, here]).toEqual([undefined, expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });

  it('is computed for two thousand gateways under the same policies once, and again when one of them changes', async () => {
    let reads = 0;
    const counting = (spec: PolicySpec): PolicyDocument => ({
      metadata: { name: 'a' },
      get spec() {
        reads++;
        return spec;
      },
    });
    const digests = new WantedDigests();
    const before = policy('a', {}, { document: counting(EMPTY) });
    const places = Array.from({ length: 2000 }, (_, n) => ({ ...HERE, id: String(n) }));
    const first = await digests.on([before], places);
    const once = reads;
    expect(await digests.on([before], places)).toEqual(first);
    expect([once > 0 && once < 10, reads]).toEqual([true, once]);
    const [changed] = await digests.on([policy('a', {}, { document: counting({ ...EMPTY, accounting: true }) })], places);
    expect(changed).not.toBe(first[0]);
  });
});
