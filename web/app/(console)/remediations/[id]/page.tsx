import type { Metadata } from 'next';
import { EditRemediation } from '../../../../features/remediations/edit-remediation.tsx';

export const metadata: Metadata = { title: 'Remediation' };

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <EditRemediation id={(await params).id} />;
}
