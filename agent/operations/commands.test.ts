import { describe, expect, it } from 'vitest';
import type { Command } from '../../proto/gen/ctfleet/v1/operation.ts';
import { admit, MAX_JUMP } from './commands.ts';
import { applyRecord, emptyJournalState } from './journal.ts';

const command = (change: Partial<Command> = {}): Command => ({
  id: 'new',
  seq: 5n,
  epoch: 2n,
  notAfterMs: 1000n,
  work: undefined,
  ...change,
});

function journal() {
  const state = emptyJournalState();
  applyRecord(state, { kind: 'received', id: 'old', seq: '4', epoch: '2', planId: 'p' });
  applyRecord(state, { kind: 'received', id: 'done', seq: '3', epoch: '1', planId: 'p' });
  applyRecord(state, { kind: 'acknowledged', id: 'done' });
  return state;
}

describe('a command', () => {
  it('runs when it is new, next in order and in time', () => {
    expect(admit(command(), journal(), 999)).toEqual({ kind: 'new' });
  });

  it('never runs twice, even if it was acknowledged long ago', () => {
    expect(admit(command({ id: 'old' }), journal(), 0).kind).toBe('known');
    expect(admit(command({ id: 'done' }), journal(), 0).kind).toBe('known');
  });

  it('is refused when it arrives late, out of order, or from a superseded session', () => {
    expect(admit(command(), journal(), 1001)).toMatchObject({ kind: 'refused', code: 'COMMAND_LATE' });
    expect(admit(command({ seq: 4n }), journal(), 0)).toMatchObject({ kind: 'refused', code: 'COMMAND_OUT_OF_ORDER' });
    expect(admit(command({ epoch: 1n }), journal(), 0)).toMatchObject({ kind: 'refused', code: 'EPOCH_SUPERSEDED' });
  });

  it('is dishonest, and not recorded, when its number or one of its ids is impossible', () => {
    expect(admit(command({ seq: 4n + MAX_JUMP }), journal(), 0)).toEqual({ kind: 'new' });
    expect(admit(command({ seq: 5n + MAX_JUMP }), journal(), 0)).toMatchObject({ kind: 'dishonest', code: 'COMMAND_OUT_OF_ORDER' });
    expect(admit(command({ epoch: 2n ** 64n - 1n }), journal(), 0)).toMatchObject({ kind: 'dishonest', code: 'COMMAND_OUT_OF_ORDER' });
    for (const id of ['', '../x', 'x'.repeat(65), 'a b', 'a\n'])
      expect(admit(command({ id }), journal(), 0)).toMatchObject({ kind: 'dishonest', code: 'INVALID_REQUEST' });
    expect(admit(command({ work: { $case: 'undoPlan', value: { planId: 'p', commandId: 'x'.repeat(65) } } }), journal(), 0)).toMatchObject({
      kind: 'dishonest',
    });
  });

  it('is refused without being recorded when an id cannot name a file, and so is an undo without one', () => {
    for (const id of ['', '.', '..', '-x', 'a/b', 'x'.repeat(65)]) {
      expect(admit(command({ id }), journal(), 0)).toMatchObject({ kind: 'dishonest', code: 'INVALID_REQUEST' });
      expect(admit(command({ work: { $case: 'undoPlan', value: { commandId: id, planId: '' } } }), journal(), 0)).toMatchObject({
        kind: 'dishonest',
      });
    }
    expect(admit(command({ id: 'A_b.c-1' }), journal(), 0).kind).toBe('new');
  });

  it('with impossible numbers is refused without being recorded, whatever else is wrong with it', () => {
    for (const change of [
      { seq: 2n ** 63n },
      { epoch: 2n ** 63n },
      { seq: 1n, epoch: 2n ** 64n - 1n },
      { seq: 2n ** 64n - 1n, epoch: 0n },
    ]) {
      expect(admit(command(change), journal(), 0)).toMatchObject({ kind: 'dishonest', code: 'COMMAND_OUT_OF_ORDER' });
    }
    const stopped = journal();
    applyRecord(stopped, { kind: 'stopped', id: 'new' });
    expect(admit(command({ seq: 2n ** 63n }), stopped, 0).kind).toBe('dishonest');
  });
});
