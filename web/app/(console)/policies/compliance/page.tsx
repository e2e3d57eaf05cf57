import type { Metadata } from 'next';
import { ComplianceOfFleet } from '../../../../features/compliance/compliance.tsx';
import { PolicyTabs } from '../../../../features/policies/policy-tabs.tsx';

export const metadata: Metadata = { title: 'Compliance' };

export default function Page() {
  return (
    <>
      <PolicyTabs />
      <ComplianceOfFleet />
    </>
  );
}
