import { expect, it } from 'vitest';
import { challengeOf } from '../../proto/signing/plan-statement.ts';
import { Authenticator } from '../../test/support/authenticator.ts';
import type { ApprovalSignature } from './approval-signature.ts';
import { ApprovalsCheck } from './approvals-check.ts';

const ORIGIN = 'https://ctfleet.example.net';
const EXPIRES_AT = '2026-11-30T12:15:00.000Z';
const ben = new Authenticator(ORIGIN);

interface Approval {
  planId?: string;
  digest?: string;
  person?: string;
  by?: Authenticator;
}

function entryOf({ planId = 'p1', digest = 'd1', person = 'ben', by = ben }: Approval = {}) {
  const challenge = Buffer.from(challengeOf({ planId, digest, expiresAtMs: Date.parse(EXPIRES_AT), approverId: person })).toString(
    'base64url',
  );
  const { response } = by.use({ challenge, rpId: 'ctfleet.example.net' }) as {
    response: Record<'authenticatorData' | 'clientDataJSON' | 'signature', string>;
  };
  const signature: ApprovalSignature = {
    passkey: 'Key ring',
    credentialId: by.id.toString('base64url'),
    publicKey: Buffer.from(by.spki, 'base64').toString('base64url'),
    rpId: 'ctfleet.example.net',
    origin: ORIGIN,
    expiresAt: EXPIRES_AT,
    authenticatorData: response.authenticatorData,
    clientDataJSON: response.clientDataJSON,
    signature: response.signature,
  };
  return { action: 'plan.approved', planId, actor: { kind: 'user', id: person, name: person }, detail: { digest, signature } };
}

it('counts approvals with and without a signature, and says by which key; a plan of several tenants counts once', () => {
  const check = new ApprovalsCheck();
  const anns = new Authenticator(ORIGIN);
  const unsigned = { ...entryOf(), planId: 'p4', detail: { digest: 'd4' } };
  const all = [entryOf(), entryOf(), entryOf({ planId: 'p2' }), entryOf({ planId: 'p3', person: 'ann', by: anns }), unsigned];
  expect([...all, { ...entryOf(), action: 'plan.made' }].map((entry) => check.add(entry))).toEqual(Array(6).fill(undefined));
  expect(check.result).toMatchObject({
    signed: 3,
    unsigned: 1,
    keys: [
      { person: 'ben', passkey: 'Key ring', approvals: 2, publicKey: ben.spki, fingerprint: expect.stringMatching(/^\w{4}(-\w{4}){3}$/) },
      { person: 'ann', approvals: 1, publicKey: anns.spki },
    ],
  });
});

const signed = entryOf();
const { signature } = signed.detail;
const other = new Authenticator(ORIGIN);
it.each<[string, object]>([
  ['another digest', { ...signed, detail: { ...signed.detail, digest: 'd2' } }],
  ['another plan', { ...signed, planId: 'p2' }],
  ['no plan', { ...signed, planId: undefined }],
  ['another person', { ...signed, actor: { kind: 'user', id: 'ann', name: 'ann' } }],
  ['a later end', { ...signed, detail: { ...signed.detail, signature: { ...signature, expiresAt: '2026-12-30T12:15:00.000Z' } } }],
  ['the signature of another plan', { ...signed, detail: { ...signed.detail, signature: entryOf({ planId: 'p9' }).detail.signature } }],
  [
    'another key',
    {
      ...signed,
      detail: { ...signed.detail, signature: { ...signature, publicKey: Buffer.from(other.spki, 'base64').toString('base64url') } },
    },
  ],
  ['no key', { ...signed, detail: { ...signed.detail, signature: { ...signature, publicKey: 'AAAA' } } }],
  ['another site', { ...signed, detail: { ...signed.detail, signature: { ...signature, rpId: 'evil.example' } } }],
  ['a part of a signature', { ...signed, detail: { ...signed.detail, signature: { ...signature, signature: undefined } } }],
  ['a word for a signature', { ...signed, detail: { ...signed.detail, signature: 'signed' } }],
])('an entry with %s is found', (_, entry) => {
  const check = new ApprovalsCheck();
  expect(check.add(entry as never)).toMatch(/signature of its approval/);
  expect(check.result.signed).toBe(0);
});

it('a signature by a new key in the name of a known passkey is found, and so is a known passkey of another person', () => {
  const check = new ApprovalsCheck();
  check.add(entryOf());
  const forged = entryOf({ planId: 'p2', by: other });
  forged.detail.signature.credentialId = ben.id.toString('base64url');
  expect(check.add(forged)).toContain('another one than in earlier entries');
  expect(check.add(entryOf({ planId: 'p3', person: 'ann' }))).toContain('another one than in earlier entries');
});
