import { expect, test } from 'vitest';
import type { Gateway } from '../../proto/http/fleet.ts';
import type { FlowRow } from '../../proto/http/flows.ts';
import { parseFilter } from '../../proto/model/filter/parse.ts';
import { explain } from './flow-explanation.ts';
import { conntrackCommand, filterOfFlows, flowState, translated } from './flow-words.ts';

const GATEWAY = '019ab000-0000-7000-8000-000000000001';

function row(over: Partial<FlowRow> = {}): FlowRow {
  return {
    gatewayId: GATEWAY,
    id: 7,
    family: 4,
    proto: 'udp',
    status: ['unreplied', 'snat', 'confirmed'],
    mark: 0,
    zone: 0,
    labels: [],
    orig: { src: '10.20.4.31', dst: '198.51.100.20', sport: 5060, dport: 5060 },
    reply: { src: '198.51.100.20', dst: '203.0.113.7', sport: 5060, dport: 40112 },
    ...over,
  };
}

test('the translated address comes from the reply tuple', () => {
  expect(translated(row())).toEqual({ address: '203.0.113.7', port: 40112, kind: 'source' });
  expect(
    translated(row({ status: ['replied'], reply: { src: '198.51.100.20', dst: '10.20.4.31', sport: 5060, dport: 5060 } })),
  ).toBeUndefined();
  expect(
    translated(
      row({
        status: ['replied', 'dnat'],
        orig: { src: '192.0.2.9', dst: '203.0.113.7', sport: 1, dport: 443 },
        reply: { src: '10.20.4.5', dst: '192.0.2.9', sport: 8443, dport: 1 },
      }),
    ),
  ).toEqual({ address: '10.20.4.5', port: 8443, kind: 'destination' });
});

test('an unanswered flow stands out, whatever its protocol', () => {
  expect(flowState(row())).toEqual({ word: 'unreplied', kind: 'warn' });
  expect(flowState(row({ proto: 'tcp', state: 'SYN_SENT' }))).toEqual({ word: 'syn-sent', kind: 'warn' });
  expect(flowState(row({ proto: 'tcp', state: 'TIME_WAIT', status: ['replied', 'assured'] }))).toEqual({ word: 'time-wait', kind: 'both' });
});

test('the filter of selected flows names ids and tuples, and parses', () => {
  const filter = filterOfFlows([row(), row({ id: 9, orig: { src: '10.20.4.32', dst: '198.51.100.20', sport: 5061, dport: 5060 } })]);
  expect(filter).toBe('proto:udp src:10.20.4.31,10.20.4.32 dst:198.51.100.20 sport:5060,5061 dport:5060 id:7,9');
  expect(parseFilter(filter)).toHaveProperty('filter');
});

test('a flow without ports is identified without ports', () => {
  expect(filterOfFlows([row({ proto: 'gre', orig: { src: '10.0.0.1', dst: '192.0.2.1', srcKey: 3, dstKey: 4 } })])).toBe(
    'proto:gre src:10.0.0.1 dst:192.0.2.1 id:7',
  );
});

test('the equivalent command names the ids that make an ICMP entry unique', () => {
  expect(
    conntrackCommand(row({ proto: 'icmp', zone: 7, orig: { src: '10.0.0.1', dst: '192.0.2.1', icmp: { type: 8, code: 0, id: 99 } } })),
  ).toBe('conntrack -D -p icmp \\\n  -s 10.0.0.1 \\\n  -d 192.0.2.1 \\\n  --icmp-type 8 --icmp-code 0 --icmp-id 99 \\\n  -w 7');
});

test('a flow on a WAN that is down is explained as stuck, in red', () => {
  const gateway = { wans: [{ name: 'WAN1', interface: 'eth1', addresses: ['203.0.113.7'], isUp: false }] } as unknown as Gateway;
  expect(explain(row({ wan: 'wan1' }), gateway)).toMatchObject({ tone: 'red', title: 'SIP flow on a dead WAN' });
  expect(explain(row({ wan: 'wan1', stale: 'no' }), gateway)).toMatchObject({
    tone: 'amber',
    text: expect.stringContaining('deleting it does not help') as string,
  });
  expect(explain(row({ stale: 'untranslated' }), gateway)).toMatchObject({
    tone: 'red',
    text: expect.stringContaining('before the rule that translates') as string,
  });
  expect(explain(row({ wan: 'wan1' }), undefined)).toMatchObject({ tone: 'amber', title: 'SIP flow, no reply' });
});
