import type { Metadata } from 'next';
import { Remediations } from '../../../features/remediations/remediations.tsx';

export const metadata: Metadata = { title: 'Remediations' };

export default function Page() {
  return <Remediations />;
}
