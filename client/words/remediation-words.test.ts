import { expect, test } from 'vitest';
import { remediationDocument } from '../../proto/http/remediation-document.ts';
import type { RemediationRun } from '../../proto/http/remediations.ts';
import { actingMode, cronWords, lateWords, MODES, runSentence, triggerWords } from './remediation-words.ts';

test('triggers and times read as words', () => {
  expect(triggerWords({ kind: 'wan-down', wan: '*' })).toBe('any WAN goes down');
  expect(cronWords('5 2 * * 1')).toBe('02:05 on Mon');
  expect(cronWords('*/5 * * * *')).toBe('cron */5 * * * *');
});

test('a run never says done without its numbers, and a late report says how late', () => {
  const run = {
    state: 'done',
    matched: 312,
    ended: 310,
    triggeredAt: '2026-11-23T08:00:00Z',
    finishedAt: '2026-11-23T08:00:02Z',
    reportedAt: '2026-11-23T08:05:02Z',
  } as RemediationRun;
  expect(runSentence(run)).toBe('Ended 310 of 312 flows');
  expect(lateWords(run)).toBe('reported 5 min later, when the gateway reached the controller again');
  expect(lateWords({ ...run, reportedAt: run.finishedAt! })).toBeUndefined();
});

test('the mode that is shown is the one in which it acts now', () => {
  const document = remediationDocument.parse({ name: 'r', mode: 'auto', trigger: { kind: 'manual' }, filter: 'proto:udp' });
  expect(actingMode({ document, approval: { state: 'given' } })).toBe(MODES.auto);
  expect(actingMode({ document, approval: { state: 'needed', why: 'it is large' } })).toMatchObject({
    word: 'Needs a second person',
    means: 'Only suggests: it is large.',
  });
  expect(actingMode({ document, approval: { state: 'given' }, heldBack: { at: '', why: 'two failed' } })).toMatchObject({
    word: 'Held back',
    kind: 'failed',
  });
  expect(actingMode({ document: { ...document, mode: 'suggest' }, approval: { state: 'not-needed' } })).toBe(MODES.suggest);
});
