import type { Metadata } from 'next';
import { FlushPage } from '../../../../features/flushes/flush-page.tsx';

export const metadata: Metadata = { title: 'Flush' };

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <FlushPage id={(await params).id} />;
}
