import { expect, it } from 'vitest';
import { MAX_PASSWORD_LENGTH, passwordProblem } from './password.ts';

const ABOUT = ['Ada Lovelace', 'ada.lovelace@example.net'];

it.each([
  'aaaaaaaaaaaaaaa',
  'passwordpassword',
  '123456789012345',
  'qwertyuiopasdfgh',
  'Password123456789',
  'lovelacelovelace',
  'ctfleetctfleet1',
  'ab'.repeat(100),
])('%s is easy to guess', (password) => {
  expect(passwordProblem(password, ABOUT)).toContain('easy to guess');
});

it.each(['a password of a test', 'correct horse battery staple', 'x7Jq-0bTz!pW92m', '会議室の鍵は猫が持っている夜'])(
  '%s is accepted if it is long enough',
  (password) => {
    expect(passwordProblem(password, ABOUT)).toBe(password.length < 15 ? 'has fewer than 15 characters' : undefined);
  },
);

it('a password has 15 to 256 characters', () => {
  expect(passwordProblem('short', [])).toContain('fewer than 15');
  expect(passwordProblem('x'.repeat(MAX_PASSWORD_LENGTH + 1), [])).toContain('more than 256');
});
