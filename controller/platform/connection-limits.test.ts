import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Connections, networkOf } from './connection-limits.ts';

const LIMITS = {
  total: 100,
  perAddress: 20,
  unproven: 40,
  unprovenPerAddress: 10,
  arrivals: { perSecond: 10, burst: 500 },
  calls: { perSecond: 2, burst: 5 },
};

describe('connections', () => {
  it('without a call are few per address, those with a call are more', () => {
    const connections = new Connections(LIMITS);
    const enter = (port: number) => connections.enter(`192.0.2.1:${port}`, '192.0.2.1', 0);
    for (let port = 0; port < 10; port++) expect(enter(port)).toBeUndefined();
    expect(enter(10)).toBe('unprovenPerAddress');
    for (let port = 0; port < 10; port++) connections.prove(`192.0.2.1:${port}`);
    for (let port = 10; port < 20; port++) expect(enter(port)).toBeUndefined();
    expect(enter(20)).toBe('perAddress');
    expect(connections.enter('192.0.2.2:1', '192.0.2.2', 0)).toBeUndefined();
    connections.leave('192.0.2.1:3');
    expect(enter(20)).toBe('unprovenPerAddress');
    connections.leave('192.0.2.1:15');
    expect(enter(20)).toBeUndefined();
  });

  it('are accepted at the rate, and an address that tries too often is not shut out', () => {
    const connections = new Connections({ ...LIMITS, arrivals: { perSecond: 1, burst: 3 } });
    const tries = Array.from({ length: 100 }, (_, port) => {
      const reason = connections.enter(`192.0.2.1:${port}`, '192.0.2.1', port * 100);
      connections.leave(`192.0.2.1:${port}`);
      return reason;
    });
    expect(tries.filter((reason) => reason === undefined)).toHaveLength(12);
    expect(connections.enter('192.0.2.2:1', '192.0.2.2', 9900)).toBeUndefined();
  });

  it('are few from the address of a refused gateway, until its wait is over or another gateway is connected from there', () => {
    const connections = new Connections(LIMITS);
    const dial = (port: number, nowMs: number) => {
      const reason = connections.enter(`192.0.2.1:${port}`, '192.0.2.1', nowMs);
      if (reason === undefined) connections.refuse(`192.0.2.1:${port}`, 10_000, nowMs);
      return reason;
    };
    expect([0, 1, 2, 3].map((port) => dial(port, 0))).toEqual([undefined, undefined, undefined, 'refused']);
    expect([4, 5].map((port) => dial(port, 1000))).toEqual([undefined, 'refused']);
    expect(connections.enter('192.0.2.1:6', '192.0.2.1', 2000)).toBeUndefined();
    connections.prove('192.0.2.1:6');
    expect([7, 8].map((port) => connections.enter(`192.0.2.1:${port}`, '192.0.2.1', 2000))).toEqual([undefined, undefined]);
    [6, 7, 8].forEach((port) => connections.leave(`192.0.2.1:${port}`));
    expect(connections.enter('192.0.2.1:9', '192.0.2.1', 2000)).toBe('refused');
    expect(connections.enter('192.0.2.1:9', '192.0.2.1', 11_000)).toBeUndefined();
  });

  it('of a fleet behind one address are not bounded by it, once each has said who it is', () => {
    const connections = new Connections({ ...LIMITS, arrivals: { perSecond: 1, burst: 3 } });
    const peers = Array.from({ length: 90 }, (_, port) => `192.0.2.1:${port}`);
    for (const peer of peers) {
      expect(connections.enter(peer, '192.0.2.1', 0)).toBeUndefined();
      connections.prove(peer);
      connections.vouch(peer, 0);
      connections.vouch(peer, 0);
    }
    // Nor do they make room for others.
    expect([1, 2, 3, 4].map((port) => connections.enter(`192.0.2.1:9${port}00`, '192.0.2.1', 0))).toEqual([
      undefined,
      undefined,
      undefined,
      'arrivals',
    ]);
    peers.forEach((peer) => connections.leave(peer));
    for (let port = 0; port < 3; port++) connections.leave(`192.0.2.1:9${port + 1}00`);
    expect(connections.size).toBe(0);
  });

  it('begin a limited number of calls each', () => {
    const connections = new Connections(LIMITS);
    connections.enter('192.0.2.1:1', '192.0.2.1', 0);
    expect(Array.from({ length: 7 }, () => connections.beginCall('192.0.2.1:1', 0))).toEqual([true, true, true, true, true, false, false]);
    expect(connections.beginCall('192.0.2.1:1', 500)).toBe(true);
    expect(connections.beginCall('192.0.2.9:1', 0)).toBe(false);
  });

  it('are bounded across all addresses, and all slots are free again once they have closed', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ host: fc.nat(30), isProven: fc.boolean() }), { maxLength: 300 }), (wanted) => {
        const connections = new Connections(LIMITS);
        const entered = wanted.flatMap(({ host, isProven }, port) => {
          const [peer, address] = [`10.0.0.${host}:${port}`, `10.0.0.${host}`];
          if (connections.enter(peer, address, 0) !== undefined) return [];
          if (isProven) connections.prove(peer);
          return [peer];
        });
        expect(connections.size).toBe(entered.length);
        expect(entered.length).toBeLessThanOrEqual(LIMITS.total);
        expect(entered.filter((peer) => !connections.isProven(peer)).length).toBeLessThanOrEqual(LIMITS.unproven);
        entered.forEach((peer) => connections.leave(peer));
        expect(connections.size).toBe(0);
        for (let host = 0; host < 4; host++)
          for (let port = 0; port < 10; port++) expect(connections.enter(`10.1.0.${host}:${port}`, `10.1.0.${host}`, 0)).toBeUndefined();
      }),
    );
  });
});

describe('the network of an address', () => {
  it('is the address itself for IPv4, in every notation', () => {
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
