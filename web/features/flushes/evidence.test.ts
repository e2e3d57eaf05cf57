import { expect, test } from 'vitest';
import type { Flush } from '../../../proto/http/flushes.ts';
import { evidenceCsv, evidenceJson } from './evidence.ts';

test('evidence names every flow with its outcome, and no cell can be taken for a formula', () => {
  const flow = {
    gatewayId: 'g',
    id: 7,
    family: 4,
    proto: 'udp',
    status: ['assured'],
    orig: { src: '10.0.0.1', dst: '192.0.2.1', sport: 5060, dport: 5060 },
    reply: { src: '192.0.2.1', dst: '203.0.113.1', sport: 5060, dport: 5060 },
    mark: 0,
    zone: 0,
    labels: ['=1+1'],
    outcome: 'deleted',
  } as const;
  const lines = evidenceCsv([{ ...flow, status: [...flow.status], labels: [...flow.labels] }], () => 'milano-gw1').split('\r\n');
  expect(lines[0]).toBe(
    'gateway,outcome,kernel_id,zone,proto,orig_src,orig_sport,orig_dst,orig_dport,reply_src,reply_sport,reply_dst,reply_dport,state,mark,labels',
  );
  expect(lines[1]).toBe("milano-gw1,deleted,7,0,udp,10.0.0.1,5060,192.0.2.1,5060,192.0.2.1,5060,203.0.113.1,5060,,0,'=1+1");
});

const flush = { id: 'f', planId: 'p', kind: 'run', state: 'verified' } as Flush;

test('evidence as JSON names what cannot be shown, and has no such word where all can', () => {
  expect(JSON.parse(evidenceJson(flush, [], [{ id: '7', reason: 'its address is none' }]))).toMatchObject({
    flows: [],
    unreadable: [{ id: '7', reason: 'its address is none' }],
  });
  expect(evidenceJson(flush, [], [])).not.toContain('unreadable');
});
