import { expect, test } from 'vitest';
import { Answering } from './probe-state.ts';

function after(script: string): boolean | undefined {
  const answering = new Answering();
  for (const step of script)
    if (step === 's') answering.sending();
    else answering.answered();
  return answering.state;
}

test.each<[script: string, what: string, state: boolean | undefined]>([
  ['', 'nothing was sent', undefined],
  ['ssssssss', 'a next hop that never answers', undefined],
  ['sa', 'the first answer', true],
  ['sasss', 'two are unanswered and the third is on its way', true],
  ['sassss', 'three are unanswered', false],
  ['sassssa', 'an answer after that', true],
  ['sassa ssa'.replace(' ', ''), 'one lost now and then', true],
])('%s: %s', (script, _what, state) => expect(after(script)).toBe(state));
