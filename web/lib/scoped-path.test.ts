import { expect, test } from 'vitest';
import { connectionsPath, scopedPath } from './scoped-path.ts';

const scope = { tenant: 't1', site: 's1', gateway: null };

test('a path keeps the scope of the page it is on', () => {
  expect(scopedPath('/', scope)).toBe('/?tenant=t1&site=s1');
  expect(scopedPath('/connections?filter=proto%3Audp#main', scope)).toBe('/connections?filter=proto%3Audp&tenant=t1&site=s1#main');
  expect(scopedPath('/sites', { tenant: null, site: null, gateway: null })).toBe('/sites');
});

test('a scope level in a path replaces that level and the narrower ones, and keeps the wider ones', () => {
  expect(scopedPath('/connections?gateway=g2', { ...scope, gateway: 'g1' })).toBe('/connections?gateway=g2&tenant=t1&site=s1');
  expect(scopedPath('/gateways/g9?tenant=t2', { ...scope, gateway: 'g1' })).toBe('/gateways/g9?tenant=t2');
});

test('a filter reaches Connections unchanged, whatever characters it has', () => {
  const path = scopedPath(connectionsPath('wan:"WAN 1" mark:0x1/0xff & more', 'g1'), scope);
  expect(new URL(path, 'http://console').searchParams.get('filter')).toBe('wan:"WAN 1" mark:0x1/0xff & more');
  expect(connectionsPath('')).toBe('/connections');
});
