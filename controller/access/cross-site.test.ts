import { describe, expect, it } from 'vitest';
import { isOwnSite } from './cross-site.ts';

describe('a request with a cookie', () => {
  it.each([
    [{}, true],
    [{ origin: 'https://console.example' }, true],
    [{ origin: 'https://console.example', secFetchSite: 'same-origin' }, true],
    [{ secFetchSite: 'none' }, true],
    [{ origin: 'https://console.example.evil.example' }, false],
    [{ origin: 'http://console.example' }, false],
    [{ origin: 'null' }, false],
    [{ secFetchSite: 'cross-site' }, false],
    [{ secFetchSite: 'same-site' }, false],
    [{ origin: 'https://console.example', secFetchSite: 'cross-site' }, false],
  ])('with %j comes from our own site: %s', (headers, expected) => expect(isOwnSite(headers, 'https://console.example')).toBe(expected));
});
