import { beforeEach, describe, expect, it } from 'vitest';
import type { GatewayRow } from '../gateways/gateway-view.ts';
import type { PolicyState } from '../generated/prisma/client.ts';
import { complianceOf, type Standing } from './compliance.ts';
import type { DriftRow } from './drift-merge.ts';
import { toStateView } from './state-view.ts';

const NOW_MS = Date.parse('2026-11-30T03:00:00Z');
const NOW = new Date(NOW_MS);
const DIGEST = 'a'.repeat(64);
const LINK = { replicaId: 'r', epoch: 1n, connectedAt: NOW, lastHeardAt: NOW, closedAt: null, interruptedAt: null };

let gateway: GatewayRow;
let state: PolicyState;
beforeEach(() => {
  gateway = {
    id: 'g',
    tenantId: 't',
    siteId: 's',
    name: 'milano',
    tags: [],
    createdAt: NOW,
    revokedAt: null,
    setAsideAt: null,
    tableKind: 'kernel',
    capabilities: { can: ['report-policy'], cannot: {} },
    tenant: { name: 'Acme' },
    site: { name: 'HQ' },
    link: LINK,
  } as unknown as GatewayRow;
  state = {
    gatewayId: 'g',
    tenantId: 't',
    reportedAt: NOW,
    changeId: 'c',
    policy: 'p',
    digest: DIGEST,
    commandId: null,
    since: NOW,
    pendingPolicy: null,
    pendingCommandId: null,
    pendingUntil: null,
    driftLeft: 0,
    unknown: null,
  };
});

const standing = (more: Partial<Standing> = {}): Standing => ({ gateway, state, open: 0, wanted: DIGEST, ...more });
const of = (more: Partial<Standing> = {}) => complianceOf(standing(more), NOW_MS).compliance;
const reason = (more: Partial<Standing> = {}) => complianceOf(standing(more), NOW_MS).reason;

describe('a gateway', () => {
  it('is compliant if what all policies come to is in force, and nothing differs', () => {
    expect([of(), reason()]).toEqual(['compliant', undefined]);
  });

  it('is outdated if they come to something else, reach it no more, or were never put in force', () => {
    expect([of({ wanted: 'b'.repeat(64) }), of({ wanted: undefined })]).toEqual(['outdated', 'outdated']);
    state.digest = null;
    expect([of(), of({ state: { ...state, changeId: null } })]).toEqual(['outdated', 'outdated']);
  });

  it('is drifted if a value differs, of those that it could not tell too, outdated or not', () => {
    expect([of({ open: 2 }), reason({ open: 2 })]).toEqual(['drifted', '2 values differ from the policy in force.']);
    expect(of({ open: 1, wanted: undefined })).toBe('drifted');
    expect(of({ state: { ...state, driftLeft: 1 } })).toBe('drifted');
  });

  it('is changing while nobody has confirmed', () => {
    expect(of({ state: { ...state, pendingUntil: NOW }, open: 1 })).toBe('changing');
  });

  it('has none if no policy reaches it and none is in force, as its agent says, or as its table says', () => {
    const none = { ...state, changeId: null };
    expect(of({ state: none, wanted: undefined })).toBe('none');
    gateway.tableKind = 'memory';
    expect(of({ state: undefined, wanted: undefined })).toBe('none');
  });

  it('is unknown if it has not told, cannot, or cannot tell what differs', () => {
    expect([of({ state: undefined }), of({ state: undefined, wanted: undefined })]).toEqual(['unknown', 'unknown']);
    expect(reason({ state: { ...state, unknown: 'nft is not there' } })).toBe('What differs cannot be told: nft is not there');
    gateway.capabilities = { can: [], cannot: { 'report-policy': 'The table is in memory.' } };
    expect([of(), reason()]).toEqual(['unknown', 'The table is in memory.']);
    gateway.capabilities = { can: [], cannot: {} };
    expect(reason()).toBe('Its agent is older and cannot tell. Update it.');
  });

  it('is unknown while it is not heard of, and what it was before is said', () => {
    gateway.link = { ...LINK, closedAt: NOW };
    expect(complianceOf(standing({ open: 1 }), NOW_MS)).toEqual({
      compliance: 'unknown',
      reason: 'It is offline since 2026-11-30 03:00 UTC; before that, it was drifted.',
    });
  });
});

describe('drift that is shown', () => {
  const row = (path: string, more: Partial<DriftRow> = {}): DriftRow => ({
    id: path,
    path,
    wanted: null,
    actual: null,
    since: NOW,
    process: null,
    state: 'open',
    overAt: null,
    resolveWay: null,
    resolveUntil: null,
    ...more,
  });
  const over = (path: string, ms: number) => row(path, { state: 'over', overAt: new Date(NOW_MS - ms) });

  it('is what is open first, and for a day what is over', () => {
    const rows = [over('night', 3_600_000), over('before', 86_400_001), row('b'), row('ignored', { state: 'ignored' }), row('a')];
    const { drift } = toStateView(standing({ open: 2 }), { drift: rows, rollouts: new Map() }, NOW_MS);
    expect(drift.map(({ path, state: what }) => [path, what])).toEqual([
      ['a', 'open'],
      ['b', 'open'],
      ['ignored', 'ignored'],
      ['night', 'over'],
    ]);
  });

  it('counts what is open and not in the list', () => {
    expect(
      toStateView(standing({ open: 5, state: { ...state, driftLeft: 2 } }), { drift: [row('a')], rollouts: new Map() }, NOW_MS).driftLeft,
    ).toBe(6);
  });
});
