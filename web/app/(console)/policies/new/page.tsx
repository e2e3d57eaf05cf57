import type { Metadata } from 'next';
import { NewPolicy } from '../../../../features/policies/new-policy.tsx';

export const metadata: Metadata = { title: 'New policy' };

export default function Page() {
  return <NewPolicy />;
}
