import { describe, expect, it } from 'vitest';
import { chosenContext, controllerOrigin, formatContexts, parseContexts, withContext, withoutContext } from './context.ts';
import { UsageError } from './exit-codes.ts';
import { parseExpect } from './numbers.ts';

const saved = {
  current: 'work',
  contexts: { work: { url: 'https://a.example', token: 'of-a' }, home: { url: 'https://b.example', token: 'of-b' } },
};
const choose = (env: Record<string, string>, named?: string) => chosenContext({ env, named, isPlainAllowed: false }, () => saved);

describe('the controller that is asked', () => {
  it('is the named context, then the environment, then the context in use', () => {
    const env = { CTFLEET_URL: 'https://c.example', CTFLEET_TOKEN: 'of-c' };
    expect(choose(env, 'home')).toEqual(saved.contexts.home);
    expect(choose(env)).toEqual({ url: 'https://c.example', token: 'of-c' });
    expect(choose({})).toEqual(saved.contexts.work);
  });

  it('never gets the token of another', () => {
    expect(choose({ CTFLEET_URL: 'https://b.example/' })).toEqual(saved.contexts.home);
    expect(() => choose({ CTFLEET_URL: 'https://evil.example' })).toThrow(UsageError);
  });

  it('is not asked readable over a network', () => {
    expect(() => controllerOrigin('http://ctfleet.example', false)).toThrow(/readable/);
    expect(controllerOrigin('http://ctfleet.example/x', true)).toBe('http://ctfleet.example');
    expect(controllerOrigin('http://127.0.0.1:3000', false)).toBe('http://127.0.0.1:3000');
    expect(controllerOrigin('http://[::1]:3000', false)).toBe('http://[::1]:3000');
    for (const bad of ['http://127.evil.example', 'http://localhost.evil.example', 'file:///etc/passwd', 'x', 'https://u:p@a.example'])
      expect(() => controllerOrigin(bad, false)).toThrow(UsageError);
  });
});

describe('contexts', () => {
  it('are read as they were written, and one that is removed is not in use', () => {
    expect(parseContexts(formatContexts(saved), 'f')).toEqual(saved);
    expect(withoutContext(saved, 'work')).toEqual({ contexts: { home: saved.contexts.home } });
    expect(withContext(saved, 'new', saved.contexts.home).current).toBe('new');
  });

  it('of a damaged file, or by a name that is none, are refused', () => {
    for (const text of ['', '{', '[]', '{"contexts":{"a":{}}}']) expect(() => parseContexts(text, 'f')).toThrow(UsageError);
    for (const name of ['', 'a b', '../x', '__proto__ x']) expect(() => withContext(saved, name, saved.contexts.home)).toThrow(UsageError);
    expect(() => withoutContext(saved, 'constructor')).toThrow(UsageError);
  });
});

describe('an expected number', () => {
  it('is a number or a range, and nothing else', () => {
    expect(parseExpect('312')).toEqual({ from: 312, to: 312 });
    expect(parseExpect('300..330')).toEqual({ from: 300, to: 330 });
    for (const text of ['', '-1', '1e3', '5..4', '..5', '5..', '0x10', ' 5']) expect(() => parseExpect(text)).toThrow(UsageError);
  });
});
