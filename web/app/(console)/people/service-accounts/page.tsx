import type { Metadata } from 'next';
import { ServiceAccounts } from '../../../../features/people/service-accounts.tsx';

export const metadata: Metadata = { title: 'Service accounts' };

export default function Page() {
  return <ServiceAccounts />;
}
