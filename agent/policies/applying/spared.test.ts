import { expect, test } from 'vitest';
import { sparedPackets, sshPortsIn, sshPortsOf } from './spared.ts';

test('what comes to the gateway by SSH and from its controller is spared, and nothing that passes through it', () => {
  const controller = { addresses: ['203.0.113.9', '2001:db8::9'], port: 4444 };
  const packets = sparedPackets({ own: ['10.0.0.1', '127.0.0.1', '10.0.0.1'], controller, sshPorts: [22] });
  const dst = ['10.0.0.1', '127.0.0.1'];
  expect(packets).toEqual([
    { proto: 'tcp', dst, dport: [{ from: 22, to: 22 }] },
    { proto: 'tcp', src: ['2001:db8::9', '203.0.113.9'], dst, sport: [{ from: 4444, to: 4444 }] },
  ]);
});

test('an unknown controller leaves SSH, and a gateway without an address nothing', () => {
  expect(sparedPackets({ own: ['10.0.0.1'], sshPorts: [22] })).toHaveLength(1);
  expect(sparedPackets({ own: ['10.0.0.1'], controller: { addresses: [], port: 4444 }, sshPorts: [22] })).toHaveLength(1);
  expect(sparedPackets({ own: [], controller: { addresses: ['203.0.113.9'], port: 4444 }, sshPorts: [22] })).toEqual([]);
});

test('the port by which an administrator is connected counts as SSH', () => {
  expect(sshPortsOf(undefined)).toEqual([22]);
  expect(sshPortsOf('203.0.113.5 51234 10.0.0.1 22')).toEqual([22]);
  expect(sshPortsOf('2001:db8::5 51234 2001:db8::1 2222')).toEqual([22, 2222]);
  expect(sshPortsOf('nonsense')).toEqual([22]);
  const controller = { addresses: ['203.0.113.9'], port: 4444 };
  expect(sshPortsIn(sparedPackets({ own: ['10.0.0.1'], controller, sshPorts: [2222, 22] }))).toEqual([22, 2222]);
});
