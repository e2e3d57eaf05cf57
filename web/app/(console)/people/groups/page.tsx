import type { Metadata } from 'next';
import { Groups } from '../../../../features/people/groups.tsx';

export const metadata: Metadata = { title: 'Groups' };

export default function Page() {
  return <Groups />;
}
