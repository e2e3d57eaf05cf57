import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PolicyDocument } from '../../../proto/model/policy/document.ts';
import { BUSY, CALM, ChangeStage, policyOf } from '../../../test/support/policy-changing.ts';
import { carryOut, restore } from './carry-out.ts';

const POLICIES = [BUSY, CALM, policyOf({}), policyOf({ helpers: ['sip'] })];

test('whatever was there, and wherever it fails, the way back leads to it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...POLICIES), fc.constantFrom(...POLICIES), fc.nat(12), async (before, after, failAt) => {
      const stage = await stageAt(before);
      const { kernel } = stage;
      const was = stage.state();
      const plan = await stage.changes.plan(after);
      let deeds = 0;
      kernel.onDeed = () => {
        if (deeds++ === failAt) throw new Error('made to fail');
      };
      const failure = await carryOut(plan.changes, kernel).catch((error: Error) => error);
      expect(failure instanceof Error).toBe(deeds > failAt);
      kernel.onDeed = () => undefined;
      await restore(plan.changes, kernel);
      expect(stage.state()).toEqual(was);
    }),
    { numRuns: 300 },
  );
});

test('a limit that the change does away with keeps what it has counted until it is confirmed', async () => {
  const { changes, kernel } = await stageAt(BUSY);
  const [limit] = kernel.own!.limits;
  await carryOut((await changes.plan(CALM)).changes, kernel);
  expect(kernel.own!.limits).toContainEqual(limit);
});

test('one step back that fails keeps none of the others from being taken', async () => {
  const { changes, kernel } = await stageAt(policyOf({}));
  const { changes: set } = await changes.plan(BUSY);
  await carryOut(set, kernel);
  kernel.onDeed = (deed, what) => {
    if (deed === 'replace' || what === 'nf_conntrack_acct') throw new Error(`${what ?? 'nft'} fails`);
  };
  await expect(restore(set, kernel)).rejects.toThrow(/^nft fails; nf_conntrack_acct fails; nf_conntrack_acct is 1 instead of 0$/);
  expect(set.settings.filter(({ setting, from }) => kernel.values[setting] !== from).map(({ setting }) => setting)).toEqual([
    'nf_conntrack_acct',
  ]);
});

test('what the kernel takes and does not keep is not taken for set', async () => {
  const { changes, kernel } = await stageAt(policyOf({}));
  const { changes: set } = await changes.plan(BUSY);
  const really = kernel.set.bind(kernel);
  kernel.set = (setting, value) => really(setting, setting === 'nf_conntrack_max' ? value - 1 : value);
  await expect(carryOut(set, kernel)).rejects.toThrow(/nf_conntrack_max is 524287 instead of 524288/);
});

/** A gateway that was set to a policy before. */
async function stageAt(before: PolicyDocument): Promise<ChangeStage> {
  const stage = new ChangeStage();
  const { changes } = await stage.changes.plan(before);
  await carryOut(changes, stage.kernel);
  await stage.kernel.tidyTable(changes.table?.to);
  stage.kernel.onDeed = () => undefined;
  return stage;
}
