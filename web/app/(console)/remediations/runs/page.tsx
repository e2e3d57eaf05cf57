import type { Metadata } from 'next';
import { Runs } from '../../../../features/remediations/runs.tsx';

export const metadata: Metadata = { title: 'Remediation runs' };

export default function Page() {
  return <Runs />;
}
