import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Connections, networkOf } from './connection-limits.ts';

const LIMITS = { total: 100, perAddress: 20, unproven: 40, unprovenPerAddress: 10 };

describe('connections', () => {
  it('that begin no call are few for an address, and those that do are more', () => {
    const connections = new Connections(LIMITS);
    const enter = (port: number) => connections.enter(`192.0.2.1:${port}`, '192.0.2.1');
    for (let port = 0; port < 10; port++) expect(enter(port)).toBeUndefined();
    expect(enter(10)).toBe('unprovenPerAddress');
    for (let port = 0; port < 10; port++) connections.prove(`192.0.2.1:${port}`);
    for (let port = 10; port < 20; port++) expect(enter(port)).toBeUndefined();
    expect(enter(20)).toBe('perAddress');
    expect(connections.enter('192.0.2.2:1', '192.0.2.2')).toBeUndefined();
    connections.leave('192.0.2.1:3');
    expect(enter(20)).toBe('unprovenPerAddress');
    connections.leave('192.0.2.1:15');
    expect(enter(20)).toBeUndefined();
  });

  it('of all addresses together are bounded, and all places are free again once they have left', () => {
    fc.assert(fc.property(fc.array(fc.record({ host: fc.nat(30), isProven: fc.boolean() }), { maxLength: 300 }), (wanted) => {
      const connections = new Connections(LIMITS);
      const entered = wanted.flatMap(({ host, isProven }, port) => {
        const [peer, address] = [`10.0.0.${host}:${port}`, `10.0.0.${host}`];
        if (connections.enter(peer, address) !== undefined) return [];
        if (isProven) connections.prove(peer);
        return [peer];
      });
      expect(connections.size).toBe(entered.length);
      expect(entered.length).toBeLessThanOrEqual(LIMITS.total);
      expect(entered.filter((peer) => !connections.isProven(peer)).length).toBeLessThanOrEqual(LIMITS.unproven);
      entered.forEach((peer) => connections.leave(peer));
      expect(connections.size).toBe(0);
      for (let host = 0; host < 4; host++) for (let port = 0; port < 10; port++) expect(connections.enter(`10.1.0.${host}:${port}`, `10.1.0.${host}`)).toBeUndefined();
    }));
  });
});

describe('the network of an address', () => {
  it('is the address itself for IPv4, however it is written', () => {
    expect(networkOf('192.0.2.1')).toBe('192.0.2.1');
    expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
  });

  it('is the /64 for IPv6', () => {
    expect(networkOf('2001:db8:1:2::99')).toBe('2001:db8:1:2');
    expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2');
    expect(networkOf('2001:db8::1')).toBe('2001:db8:0:0');
    expect(networkOf('fe80::1%eth0')).toBe('fe80:0:0:0');
    expect(networkOf('::1')).toBe('0:0:0:0');
  });
});
