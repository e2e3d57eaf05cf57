import type { Metadata } from 'next';
import { PolicyTabs } from '../../../features/policies/policy-tabs.tsx';
import { PolicyRollouts } from '../../../features/policy-rollouts/rollouts.tsx';

export const metadata: Metadata = { title: 'Roll-outs' };

export default function Page() {
  return (
    <>
      <PolicyTabs />
      <PolicyRollouts />
    </>
  );
}
