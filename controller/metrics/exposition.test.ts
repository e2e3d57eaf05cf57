import { expect, it } from 'vitest';
import type { Gateway } from '../../proto/http/fleet.ts';
import { PIECE, toExposition, type Rest } from './exposition.ts';

async function piecesOf(page: AsyncIterable<string>): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of page) pieces.push(piece);
  return pieces;
}

async function textOf(gateways: Gateway[], rest: Partial<Rest> = {}): Promise<string> {
  const page = toExposition(gateways, { flushed: [], tables: [], version: '0.1.0', asOf: '2026-01-01T00:00:00Z', ...rest });
  return (await piecesOf(page)).join('');
}

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
  const text = await textOf([gateway]);
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
  const text = await textOf([gateway('a', 'online'), gateway('b', 'offline'), gateway('c', 'revoked')]);
  const ends = [...text.matchAll(/^ctfleet_gateway_certificate_end_timestamp_seconds\{.*gateway="(\w)"\} (\d+)$/gm)];
  expect(ends.map(([, name, at]) => `${name} ${at}`)).toEqual(['a 1767225610', 'b 1767225610']);
});

it('when certificates of the authority end is a metric, and whether one of them needs somebody', async () => {
  const end = { endsAt: '2026-01-01T00:00:10Z', isReplacedByItself: false };
  const text = await textOf([], {
    authority: [
      { ...end, kind: 'root', name: 'CN=r' },
      { ...end, kind: 'intermediate', name: 'CN=i', remedy: 'Prepare a new root.' },
    ],
  });
  expect(text).toContain('ctfleet_authority_certificate_end_timestamp_seconds{kind="root",name="CN=r"} 1767225610');
  expect(text).toContain('ctfleet_authority_certificate_needs_someone{kind="root",name="CN=r"} 0');
  expect(text).toContain('ctfleet_authority_certificate_needs_someone{kind="intermediate",name="CN=i"} 1');
});

it('escapes what would end a label, and keeps the lines of a metric together', async () => {
  const gateway = (name: string) =>
    ({
      tenantName: 'A"c\\me',
      siteName: 'H\nQ',
      name,
      state: 'online',
      usage: { at: '2026-01-01T00:00:00Z', count: 1, byProto: { udp: 1 } },
    }) as unknown as Gateway;
  const text = await textOf([gateway('a'), gateway('b')]);
  expect(text).toContain('ctfleet_flows{tenant="A\\"c\\\\me",site="H\\nQ",gateway="a",proto="udp"} 1\n');
  const named = text.split('\n').flatMap((line) => /^(?:# TYPE )?([a-z_]+)/.exec(line)?.[1] ?? []);
  expect(named.filter((name, index) => name !== named[index - 1]).length).toBe(new Set(named).size);
});

it('a page of any size is made piece by piece, and only as it is read', async () => {
  let looks = 0;
  const fleet = Array.from({ length: 20_000 }, (_, n) => ({
    tenantName: 'A',
    siteName: 'B',
    name: `gw${n}`,
    get state() {
      looks += 1;
      return 'online';
    },
    usage: { at: '2026-01-01T00:00:00Z', count: n },
  })) as unknown as Gateway[];
  const page = toExposition(fleet, { flushed: [], tables: [], version: '0.1.0', asOf: '2026-01-01T00:00:00Z' });
  expect(looks).toBe(0);
  const first = (await page.next()).value!;
  // Those that are online are found first; then only as many are looked at as the piece has lines.
  expect([first.length < PIECE + 200, looks < fleet.length + 2000]).toEqual([true, true]);
  const rest = await piecesOf(page);
  expect([...rest].every(({ length }) => length < PIECE + 200)).toBe(true);
  expect(rest.length).toBeGreaterThan(40);
  expect([first, ...rest].join('').match(/^node_nf_conntrack_entries\{/gm)).toHaveLength(20_000);
});
