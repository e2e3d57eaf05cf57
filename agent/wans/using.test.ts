import { expect, it } from 'vitest';
import { parseAddress } from '../../proto/model/address.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { IPS } from '../../proto/model/status.ts';
import { MemoryTable } from '../conntrack/memory/memory-table.ts';
import { countUsing } from './using.ts';

const WAN1 = '192.0.2.1';
const flow = (id: number, over: Partial<Flow>): Flow =>
  ({ family: 4, proto: 17, zone: 0, id, status: IPS.SEEN_REPLY, mark: 0, labels: [], timeoutSeconds: 30, ...over }) as Flow;
const context = (isUp: boolean) => ({
  wans: [{ name: 'wan1', interface: 'eth1', addresses: [parseAddress(WAN1)!], isUp }],
  protections: [],
});

it('of a WAN that is down every flow of its address counts, by kind, but for the agent’s own pings through it', async () => {
  const table = new MemoryTable({ now: () => 0 });
  await table.restore([
    flow(1, {
      orig: { src: '10.1.0.5', dst: '198.51.100.10', sport: 5060, dport: 5060 },
      reply: { src: '198.51.100.10', dst: WAN1, sport: 5060, dport: 5060 },
    }),
    flow(2, {
      proto: 6,
      state: 'ESTABLISHED',
      orig: { src: '10.1.0.6', dst: '198.51.100.10', sport: 4000, dport: 443 },
      reply: { src: '198.51.100.10', dst: WAN1, sport: 443, dport: 4000 },
    }),
    flow(3, {
      proto: 1,
      orig: { src: WAN1, dst: '192.0.2.254', icmp: { type: 8, code: 0, id: 7 } },
      reply: { src: '192.0.2.254', dst: WAN1, icmp: { type: 0, code: 0, id: 7 } },
    }),
    // Somebody's ping from the inside is a flow like any other.
    flow(4, {
      proto: 1,
      orig: { src: '10.1.0.7', dst: '198.51.100.10', icmp: { type: 8, code: 0, id: 9 } },
      reply: { src: '198.51.100.10', dst: WAN1, icmp: { type: 0, code: 0, id: 9 } },
    }),
  ]);
  const { trying, waiting } = await countUsing(table, context(false), 'wan1', 5);
  const both = (kind: 'calls' | 'tcp' | 'udp' | 'vpn' | 'other') => trying![kind] + waiting![kind];
  expect([both('calls'), both('tcp'), both('udp'), both('vpn'), both('other')]).toEqual([1n, 1n, 0n, 0n, 1n]);
});
