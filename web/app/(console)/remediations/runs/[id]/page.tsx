import type { Metadata } from 'next';
import { RunPage } from '../../../../../features/remediations/run-page.tsx';

export const metadata: Metadata = { title: 'Remediation run' };

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <RunPage id={(await params).id} />;
}
