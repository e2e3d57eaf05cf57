import { expect, it } from 'vitest';
import { AskingTurns, type Release } from './asking-turns.ts';

const never = new AbortController().signal;

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

it('a search over many gateways and one over two take turns, so many at once', async () => {
  const turns = new AskingTurns(2);
  const [many, few] = [turns.line(), turns.line()];
  const begun: string[] = [];
  const open: Release[] = [];
  const ask = (line: typeof many, name: string) =>
    void line.take(never).then((release) => {
      begun.push(name);
      open.push(release);
    });
  for (let index = 0; index < 6; index++) ask(many, `many ${index}`);
  for (let index = 0; index < 2; index++) ask(few, `few ${index}`);
  for (let round = 0; round < 8; round++) {
    await settled();
    expect(turns.active).toBe(Math.min(2, 8 - round));
    open[round]!();
    open[round]!();
  }
  expect(begun).toEqual(['many 0', 'many 1', 'many 2', 'few 0', 'many 3', 'few 1', 'many 4', 'many 5']);
  expect(turns.active).toBe(0);
});

it('who gives up waiting leaves its turn to the next', async () => {
  const turns = new AskingTurns(1);
  const line = turns.line();
  const release = await line.take(never);
  const impatient = new AbortController();
  const gone = line.take(impatient.signal);
  const next = line.take(never);
  impatient.abort(new Error('gave up'));
  await expect(gone).rejects.toThrow('gave up');
  release();
  (await next)();
  expect(turns.active).toBe(0);
});
