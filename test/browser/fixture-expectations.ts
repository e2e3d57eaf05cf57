import type { z } from 'zod';
import type { ExpectationView, listExpectations } from '../../proto/http/expectations.ts';
import type { Gateway } from '../../proto/http/fleet.ts';

/** The data connection of an FTP session, the audio of a call that any port may send, one over IPv6, and a tunnel. */
export const EXPECTATIONS: readonly ExpectationView[] = [
  {
    id: 11,
    proto: 'tcp',
    src: { address: '198.51.100.21' },
    dst: { address: '10.1.0.40', port: 50_123 },
    master: { proto: 'tcp', src: { address: '10.1.0.40', port: 41_000 }, dst: { address: '198.51.100.21', port: 21 } },
    helper: 'ftp',
    timeoutSeconds: 287,
    isPermanent: false,
  },
  {
    id: 12,
    proto: 'udp',
    src: { address: '198.51.100.10' },
    dst: { address: '10.1.0.60', port: 4000 },
    master: { proto: 'udp', src: { address: '10.1.0.60', port: 5060 }, dst: { address: '198.51.100.10', port: 5060 } },
    helper: 'sip',
    timeoutSeconds: 171,
    isPermanent: false,
  },
  {
    id: 13,
    proto: 'tcp',
    src: { address: '2001:db8:113::21' },
    dst: { address: 'fd00:1:1::40', port: 50_200 },
    master: { proto: 'tcp', src: { address: 'fd00:1:1::40', port: 41_002 }, dst: { address: '2001:db8:113::21', port: 21 } },
    helper: 'ftp',
    zone: 7,
    timeoutSeconds: 12,
    isPermanent: false,
  },
  {
    id: 14,
    proto: 'gre',
    src: { address: '198.51.100.30', port: 64_475 },
    dst: { address: '10.1.0.70', port: 4242 },
    master: { proto: 'tcp', src: { address: '10.1.0.70', port: 41_010 }, dst: { address: '198.51.100.30', port: 1723 } },
    helper: 'pptp',
    isPermanent: false,
  },
];

export function fixtureExpectations({ id, state }: Gateway, items: readonly ExpectationView[]): z.input<typeof listExpectations.response> {
  if (state !== 'online') return { gatewayId: id, state: 'offline', reason: 'offline since 2026-11-30 14:02 UTC', items: [], left: 0 };
  return { gatewayId: id, state: 'answered', readAt: new Date().toISOString(), items: [...items], left: 0 };
}
