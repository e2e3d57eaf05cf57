import { expect, it } from 'vitest';
import type { Gateway } from '../../proto/http/fleet.ts';
import { toExposition } from './exposition.ts';

it('every kernel counter is a metric of its own name, summed over the CPUs that report it', async () => {
  const cpu = {
    found: 1,
    invalid: 2,
    insert: 3,
    insertFailed: 4,
    drop: 5,
    earlyDrop: 6,
    error: 7,
    searchRestart: 8,
    clashResolve: 9,
    chainToolong: 10,
  };
  const gateway = {
    tenantName: 'Acme',
    siteName: 'HQ',
    name: 'gw1',
    state: 'online',
    usage: {
      at: '2026-01-01T00:00:00Z',
      count: 1,
      cpus: [
        { cpu: 0, ...cpu },
        { cpu: 1, drop: 1 },
      ],
    },
  } as unknown as Gateway;
  const text = await toExposition([gateway], [], [], '0.1.0');
  const counters = [...text.matchAll(/^node_nf_conntrack_stat_(\w+)\{tenant="Acme",site="HQ",gateway="gw1"\} (\d+)$/gm)].map(
    ([, name, value]) => [name, Number(value)],
  );
  expect(Object.fromEntries(counters)).toEqual({
    found: 1,
    invalid: 2,
    insert: 3,
    insert_failed: 4,
    drop: 6,
    early_drop: 6,
    error: 7,
    search_restart: 8,
    clash_resolve: 9,
    chaintoolong: 10,
  });
});

it('the end of each certificate that counts is a metric', async () => {
  const gateway = (name: string, state: string) =>
    ({ tenantName: 'Acme', siteName: 'HQ', name, state, certificate: { endsAt: '2026-01-01T00:00:10Z' } }) as unknown as Gateway;
  const text = await toExposition([gateway('a', 'online'), gateway('b', 'offline'), gateway('c', 'revoked')], [], [], '0.1.0');
  const ends = [...text.matchAll(/^ctfleet_gateway_certificate_end_timestamp_seconds\{.*gateway="(\w)"\} (\d+)$/gm)];
  expect(ends.map(([, name, at]) => `${name} ${at}`)).toEqual(['a 1767225610', 'b 1767225610']);
});

it('when certificates of the authority end is a metric, and whether one of them needs somebody', async () => {
  const end = { endsAt: '2026-01-01T00:00:10Z', isReplacedByItself: false };
  const text = await toExposition([], [], [], '0.1.0', [
    { ...end, kind: 'root', name: 'CN=r' },
    { ...end, kind: 'intermediate', name: 'CN=i', remedy: 'Prepare a new root.' },
  ]);
  expect(text).toContain('ctfleet_authority_certificate_end_timestamp_seconds{kind="root",name="CN=r"} 1767225610');
  expect(text).toContain('ctfleet_authority_certificate_needs_someone{kind="root",name="CN=r"} 0');
  expect(text).toContain('ctfleet_authority_certificate_needs_someone{kind="intermediate",name="CN=i"} 1');
});
