import type { Metadata } from 'next';
import { Audit } from '../../../features/audit/audit.tsx';

export const metadata: Metadata = { title: 'Audit' };

export default function Page() {
  return <Audit />;
}
