import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { HttpKind, Target } from '../../proto/model/alerts/receiver-kinds.ts';
import { hintOf, secretBytes, targetOf } from './targets.ts';

const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

it.each<[HttpKind, Target, string, string]>([
  ['slack', {}, 'url', 'is needed'],
  ['slack', { url: 'https://hooks.slack.example/x', key: 'k' }, 'key', 'is not used by Slack'],
  ['pagerduty', {}, 'key', 'is needed'],
  ['webhook', { url: 'nonsense' }, 'url', 'is not an address'],
  ['webhook', { url: 'file:///etc/passwd' }, 'url', 'must begin with https://'],
  ['webhook', { url: 'javascript:alert(1)' }, 'url', 'must begin with https://'],
  ['webhook', { url: 'https://user:word@example.net/' }, 'url', 'must not hold a user or password'],
  ['webhook', { url: 'https://example.net/#x' }, 'url', 'behind #'],
  ['webhook', { url: 'https://example.net/', key: 'short' }, 'key', 'must be whsec_'],
  ['ntfy', { url: 'https://ntfy.example/' }, 'url', 'must end with the topic'],
  ['ntfy', { url: 'https://ntfy.example/a?b=c' }, 'url', 'must end with the topic'],
  ['ntfy', { url: 'https://ntfy.example/topic', key: 'two words' }, 'key', 'must be printable'],
  ['alertmanager', { url: 'https://am.example', key: 'a\r\nx: y' }, 'key', 'must be printable'],
])('%s with %o is refused at %s', (kind, target, path, message) => {
  expect(() => targetOf(kind, target)).toThrow(
    expect.objectContaining({
      code: 'INVALID_REQUEST',
      fields: { issues: [{ path, message: expect.stringContaining(message) }] },
    }),
  );
});

it('a webhook without a secret gets one, a different one each time, and one with a secret keeps it', () => {
  const url = 'https://example.net/hook';
  const [first, second] = [targetOf('webhook', { url }), targetOf('webhook', { url })];
  expect(first.made).toBe(first.target.key);
  expect(secretBytes(first.made!)).toHaveLength(32);
  expect(first.made).not.toBe(second.made);
  expect(targetOf('webhook', { url, key: SECRET })).toEqual({ target: { url, key: SECRET } });
});

it('what is shown of a target has nothing of its path, its query or its key but the last four', () => {
  fc.assert(
    fc.property(fc.webPath(), fc.stringMatching(/^[\w-]{20,40}$/), (path, key) => {
      const shown = hintOf('slack', { url: `https://hooks.example${path}?token=${key}` });
      expect(shown).toBe('https://hooks.example/…');
      expect(hintOf('pagerduty', { key })).toBe(`PagerDuty …${key.slice(-4)}`);
    }),
  );
});
