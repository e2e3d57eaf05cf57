import type { Metadata } from 'next';
import { Policies } from '../../../features/policies/policies.tsx';

export const metadata: Metadata = { title: 'Policies' };

export default function Page() {
  return <Policies />;
}
