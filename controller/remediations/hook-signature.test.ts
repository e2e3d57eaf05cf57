import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { whyRefused } from './hook-signature.ts';

const SECRET = `whsec_${Buffer.from('a secret of a test, 32 bytes long').toString('base64')}`;
const NOW = 1_790_000_000_000;

function signed(change: Partial<{ id: string; timestamp: string; body: string; signatures: string }> = {}, secret = SECRET) {
  const call = { id: 'msg_1', timestamp: String(NOW / 1000), body: '{"host":"10.1.2.3"}', ...change };
  const signature = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
    .update(`${call.id}.${call.timestamp}.${call.body}`)
    .digest('base64');
  return { ...call, signatures: change.signatures ?? `v1,${signature}` };
}

test('a call signed just now is accepted, also with a second signature beside it', () => {
  expect(whyRefused(signed(), SECRET, NOW)).toBeUndefined();
  expect(whyRefused({ ...signed(), signatures: `v1,AAAA v1a,xyz ${signed().signatures}` }, SECRET, NOW)).toBeUndefined();
});

test('a changed body, id or time, another secret, no signature: refused', () => {
  const fine = signed();
  for (const change of [{ body: '{}' }, { id: 'msg_2' }, { timestamp: String(NOW / 1000 + 1) }, { signatures: '' }, { signatures: 'v1,' }])
    expect(whyRefused({ ...fine, ...change }, SECRET, NOW)).toBe('webhook-signature does not match');
  expect(whyRefused(signed({}, `whsec_${Buffer.from('another').toString('base64')}`), SECRET, NOW)).toBe(
    'webhook-signature does not match',
  );
});

test('a call from too long ago or from the future is refused even with a valid signature', () => {
  for (const minutes of [-6, 6])
    expect(whyRefused(signed({ timestamp: String(NOW / 1000 + minutes * 60) }), SECRET, NOW)).toBe(
      'webhook-timestamp is more than 5 min off our clock',
    );
});
