import { overdueAt } from '../../gateways/gateway-view.ts';
import { fingerprintOf, type FoundAlert } from './found-alert.ts';
import type { EffectiveRule } from '../../../proto/model/alerts/effective.ts';
import type { AlertKind } from '../../../proto/model/alerts/kinds.ts';

/** Kinds that the sweep judges. */
export const SWEPT_KINDS = [
  'silent',
  'remediation-failed',
  'remediation-held-back',
  'certificate',
  'guard',
  'audit-chain',
  'drift',
] as const;

/** A gateway as a condition names it. */
export interface OfGateway {
  tenantId: string;
  siteId: string;
  gatewayId: string;
  gatewayName: string;
}

/** What was read for one sweep: only what may be bad. Times by the clock of Postgres. */
export interface Conditions {
  now: Date;
  /** Since when sweeps ran, and a controller for agents has lived, without a break. */
  steadySince: Date;
  silent: (OfGateway & { since: Date })[];
  certificates: (OfGateway & { endsAt: Date })[];
  guards: (OfGateway & { error: string })[];
  drifts: (OfGateway & { since: Date; count: number; path: string })[];
  heldBack: { id: string; name: string; tenantId: string | null; at: Date; why: string | null }[];
  failedRuns: {
    id: string;
    remediationId: string;
    name: string;
    tenantId: string | null;
    at: Date;
    reason: string | null;
    gatewayId: string | null;
    gatewayName: string | null;
  }[];
  auditBreak?: string;
}

/** By which rules. */
export interface Rules {
  of(gatewayId: string): EffectiveRule[];
  ofInstallation(): EffectiveRule[];
}

/** After a start, agents have this long to come back before any of them counts as silent. */
export const START_WAIT_MS = 120_000;

/** Everything that is to be raised now; what is not in it is over. `newId` makes an id for each. */
export function alertsOf(all: Conditions, rules: Rules, lives: { certificateMs: number }, newId: () => string): FoundAlert[] {
  const found = (kind: AlertKind, of: { gatewayId?: string | null }, about: About): FoundAlert[] => {
    const rule = (of.gatewayId ? rules.of(of.gatewayId) : rules.ofInstallation()).find((one) => one.name === kind);
    if (!rule?.isOn || all.now.getTime() - about.since.getTime() < holdMs(rule)) return [];
    const { key, since, ...said } = about;
    return [
      {
        id: newId(),
        fingerprint: fingerprintOf(rule.name, key),
        rule: rule.name,
        kind: rule.kind,
        severity: rule.severity,
        pendingSince: since,
        raisedAt: all.now,
        ...said,
      },
    ];
  };
  const isSteady = all.now.getTime() - all.steadySince.getTime() >= START_WAIT_MS;
  return [
    ...(isSteady ? all.silent : []).flatMap((of) => found('silent', of, silence(of, all.now))),
    ...all.certificates
      .filter(({ endsAt }) => all.now.getTime() > overdueAt(endsAt, lives.certificateMs))
      .flatMap((of) => found('certificate', of, certificate(of, lives.certificateMs))),
    ...all.guards.flatMap((of) => found('guard', of, guard(of, all.now))),
    ...all.drifts.flatMap((of) => found('drift', of, drift(of))),
    ...all.heldBack.flatMap((of) => found('remediation-held-back', {}, heldBack(of))),
    ...all.failedRuns.flatMap((of) => found('remediation-failed', of, failedRun(of))),
    ...(all.auditBreak === undefined ? [] : found('audit-chain', {}, auditChain(all.auditBreak, all.now))),
  ];
}

/** What an alert says, beside its rule. */
type About = Omit<FoundAlert, 'id' | 'fingerprint' | 'rule' | 'kind' | 'severity' | 'pendingSince' | 'raisedAt'> & {
  key: string;
  since: Date;
};

/** A silence has its level, and drift its hold; the rest is raised at once. */
function holdMs({ kind, values }: EffectiveRule): number {
  return 1000 * (kind === 'silent' ? (values.raise ?? 0) : (values.for ?? 0));
}

function ofGateway({ tenantId, siteId, gatewayId }: OfGateway): Pick<About, 'tenantId' | 'siteId' | 'gatewayId' | 'key'> {
  return { tenantId, siteId, gatewayId, key: gatewayId };
}

function silence(of: OfGateway & { since: Date }, now: Date): About {
  return {
    ...ofGateway(of),
    since: of.since,
    title: `${of.gatewayName} is silent`,
    value: Math.round((now.getTime() - of.since.getTime()) / 1000),
    likely:
      'Its agent has no link to any controller: the gateway, its uplink or the agent is down. Remediations on the gateway run without us.',
    evidence: { measures: ['count'], from: new Date(of.since.getTime() - 1_800_000).toISOString(), to: now.toISOString() },
    fix: { kind: 'page', path: `/gateways/${of.gatewayId}`, words: `Look at ${of.gatewayName}` },
  };
}

function certificate(of: OfGateway & { endsAt: Date }, certificateMs: number): About {
  return {
    ...ofGateway(of),
    since: new Date(overdueAt(of.endsAt, certificateMs)),
    title: `certificate of ${of.gatewayName} ends at ${of.endsAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    likely: 'Its agent should have renewed it by now, and has not: look at its log.',
    fix: { kind: 'page', path: `/gateways/${of.gatewayId}`, words: `Look at ${of.gatewayName}` },
  };
}

function guard(of: OfGateway & { error: string }, now: Date): About {
  return {
    ...ofGateway(of),
    since: now,
    title: `guard file of ${of.gatewayName} cannot be read`,
    likely: `${of.error.slice(0, 500)} Until it is corrected on the gateway, nothing is ended there.`,
    fix: { kind: 'page', path: `/gateways/${of.gatewayId}`, words: `Look at ${of.gatewayName}` },
  };
}

function drift(of: OfGateway & { since: Date; count: number; path: string }): About {
  const more = of.count > 1 ? ` and ${of.count - 1} more` : '';
  return {
    ...ofGateway(of),
    since: of.since,
    title: `${of.gatewayName} is set otherwise than its policy says: ${of.path}${more}`,
    value: of.count,
    likely: 'Somebody, or a program, changed it on the gateway.',
    fix: { kind: 'page', path: `/gateways/${of.gatewayId}?view=tracking`, words: 'Put it back, or take it over' },
  };
}

function heldBack({ id, name, tenantId, at, why }: Conditions['heldBack'][number]): About {
  return {
    key: id,
    since: at,
    ...(tenantId !== null && { tenantId }),
    remediationId: id,
    title: `remediation ${name} is held back`,
    likely: why ?? undefined,
    fix: { kind: 'page', path: `/remediations/${id}`, words: `Look at ${name}` },
  };
}

function failedRun(run: Conditions['failedRuns'][number]): About {
  const where = run.gatewayName === null ? '' : ` on ${run.gatewayName}`;
  return {
    key: `${run.remediationId}:${run.gatewayId ?? ''}`,
    since: run.at,
    ...(run.tenantId !== null && { tenantId: run.tenantId }),
    ...(run.gatewayId !== null && { gatewayId: run.gatewayId }),
    remediationId: run.remediationId,
    title: `remediation ${run.name} did not help${where}`,
    likely: run.reason ?? undefined,
    fix: { kind: 'page', path: `/remediations/${run.remediationId}`, words: `Look at ${run.name}` },
  };
}

function auditChain(why: string, now: Date): About {
  return {
    key: 'installation',
    since: now,
    title: 'the audit trail is not as it was written',
    likely: why,
    fix: { kind: 'page', path: '/audit', words: 'Verify the trail' },
  };
}
