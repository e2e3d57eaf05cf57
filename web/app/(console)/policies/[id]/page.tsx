import type { Metadata } from 'next';
import { EditPolicy } from '../../../../features/policies/edit-policy.tsx';

export const metadata: Metadata = { title: 'Policy' };

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <EditPolicy id={(await params).id} />;
}
