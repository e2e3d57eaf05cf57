import { describe, expect, it } from 'vitest';
import { remediationDocument, type RemediationDocument } from '../../proto/http/remediation-document.ts';
import { changeOf, effectiveMode, isWithin, standingOf } from './standing.ts';

const document = (change: object = {}): RemediationDocument =>
  remediationDocument.parse({ name: 'r', mode: 'auto', filter: 'proto:udp', trigger: { kind: 'manual' }, ...change });
const row = {
  document: document(),
  isEnabled: true,
  revision: 2,
  approvedRevision: null as number | null,
  approvedByName: null,
  approvedAt: null,
  heldBackAt: null as Date | null,
  heldBackWhy: null,
  isByToken: false,
};
const NEEDED = { kind: 'second-person', why: 'it is large' } as const;

describe('a document is within another', () => {
  it('with other wording, another mode and lower limits, and with nothing else', () => {
    const before = document();
    for (const change of [
      { name: 'other' },
      { description: 'why' },
      { mode: 'suggest' },
      { limits: { maxFlows: 10 } },
      { limits: { maxPercentOfTable: 1 } },
      { limits: { maxRunsAnHour: 1 } },
      { limits: { coolDownSeconds: 300 } },
    ]) {
      expect([change, isWithin(document(change), before)]).toEqual([change, true]);
    }
    for (const change of [
      { limits: { maxFlows: 10_001 } },
      { limits: { maxPercentOfTable: 51 } },
      { limits: { maxRunsAnHour: 7 } },
      { limits: { coolDownSeconds: 0 } },
      { filter: 'proto:tcp' },
      { method: 'block' },
      { forSeconds: 9, method: 'expire' },
      { trigger: { kind: 'webhook' } },
      { scope: { tags: ['x'] } },
      { steps: { sweeps: 10 } },
      { conditions: { settledSeconds: 1 } },
    ])
      expect([change, isWithin(document(change), before)]).toEqual([change, false]);
  });
});

describe('a change widens a remediation', () => {
  const widens = (
    before: Partial<typeof row>,
    after: { document?: RemediationDocument; isEnabled?: boolean; isLifted?: boolean },
  ): boolean =>
    changeOf(
      { ...row, ...before },
      { document: after.document ?? document(), isEnabled: after.isEnabled ?? true, isLifted: after.isLifted ?? false },
    ).isWidened;

  it('when it begins to act, or acts on more', () => {
    expect([
      widens({ isEnabled: false }, {}),
      widens({ document: document({ mode: 'observe' }) }, {}),
      widens({}, { document: document({ filter: 'proto:tcp' }) }),
    ]).toEqual([true, true, true]);
  });

  it('when a hold-back is lifted, and when a person takes over what a token saved', () => {
    const heldBackAt = new Date(0);
    expect([
      widens({ heldBackAt }, { isLifted: true }),
      widens({ heldBackAt }, {}),
      widens({ heldBackAt }, { document: document({ filter: 'proto:tcp' }) }),
    ]).toEqual([true, false, true]);
    expect([widens({ isByToken: true }, {}), widens({ isByToken: true, approvedRevision: 2 }, {})]).toEqual([true, false]);
  });

  it('not by wording, lower limits, a milder mode or switching off; that does not make its author', () => {
    for (const after of [
      { document: document({ name: 'other' }) },
      { document: document({ limits: { maxFlows: 1 } }) },
      { document: document({ mode: 'observe' }) },
      { isEnabled: false },
    ]) {
      expect(changeOf(row, { document: document(), isEnabled: true, isLifted: false, ...after })).toEqual({
        isWidened: false,
        isRewritten: false,
      });
    }
  });

  it('not while it does not act, although what it would end then has another author', () => {
    expect(
      changeOf(
        { ...row, document: document({ mode: 'suggest' }) },
        { document: document({ mode: 'suggest', filter: 'proto:tcp' }), isEnabled: true, isLifted: false },
      ),
    ).toEqual({ isWidened: false, isRewritten: true });
  });
});

describe('the standing of a remediation', () => {
  it('only allows suggestions until a second person has approved this very revision', () => {
    const waiting = standingOf({ ...row, approvedRevision: 1 }, NEEDED);
    expect(waiting.approval).toEqual({ state: 'needed', why: 'it is large' });
    expect(effectiveMode(row.document, waiting)).toBe('suggest');
    const agreed = standingOf({ ...row, approvedRevision: 2, approvedByName: null }, NEEDED);
    expect([agreed.approval.state, effectiveMode(row.document, agreed)]).toEqual(['given', 'auto']);
  });

  it('needs no approval within the limits, or if it does not act', () => {
    expect(standingOf(row, { kind: 'free' }).approval.state).toBe('not-needed');
    for (const change of [{ isEnabled: false }, { document: document({ mode: 'suggest' }) }])
      expect(standingOf({ ...row, ...change }, NEEDED).approval.state).toBe('not-needed');
    expect(effectiveMode(document({ mode: 'observe' }), standingOf(row, NEEDED))).toBe('observe');
  });

  it('only allows suggestions while it is held back, whoever approved', () => {
    const held = standingOf({ ...row, approvedRevision: 2, heldBackAt: new Date(0) }, NEEDED);
    expect([held.heldBack?.at, effectiveMode(row.document, held)]).toEqual(['1970-01-01T00:00:00.000Z', 'suggest']);
  });
});
