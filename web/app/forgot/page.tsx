import type { Metadata } from 'next';
import { Forgot } from '../../features/access/forgot.tsx';

export const metadata: Metadata = { title: 'New password' };

export default function Page() {
  return <Forgot />;
}
