import type { Metadata } from 'next';
import { Flushes } from '../../../features/flushes/flushes.tsx';

export const metadata: Metadata = { title: 'Flushes' };

export default function Page() {
  return <Flushes />;
}
