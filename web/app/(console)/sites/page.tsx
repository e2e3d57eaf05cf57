import type { Metadata } from 'next';
import { Sites } from '../../../features/gateways/sites.tsx';

export const metadata: Metadata = { title: 'Sites' };

export default function Page() {
  return <Sites />;
}
