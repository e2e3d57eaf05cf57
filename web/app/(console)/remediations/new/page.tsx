import type { Metadata } from 'next';
import { NewRemediation } from '../../../../features/remediations/new-remediation.tsx';

export const metadata: Metadata = { title: 'New remediation' };

export default function Page() {
  return <NewRemediation />;
}
