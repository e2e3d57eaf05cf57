import type { Metadata } from 'next';
import { GatewayPage } from '../../../../features/gateways/gateway-page.tsx';

export const metadata: Metadata = { title: 'Gateway' };

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <GatewayPage id={(await params).id} />;
}
