import type { Metadata } from 'next';
import { Policies } from '../../../features/policies/policies.tsx';
import { PolicyTabs } from '../../../features/policies/policy-tabs.tsx';

export const metadata: Metadata = { title: 'Policies' };

export default function Page() {
  return (
    <>
      <PolicyTabs />
      <Policies />
    </>
  );
}
