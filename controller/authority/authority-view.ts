import { X509Certificate } from 'node:crypto';
import { MAX_NAMED, type AuthorityView } from '../../proto/http/authority.ts';
import type { IssuerRow, State } from '../identity/kept.ts';
import { follow, signerOf, stepsOf, strandedBy, trustedOf, type OnIssuer } from '../identity/rotation.ts';

/** Retired issuers that are listed. */
const MAX_RETIRED = 20;

/** The authority for people. */
export function toView(
  { state, issuers }: { state: State; issuers: readonly IssuerRow[] },
  gateways: readonly (OnIssuer & { tenantId: string })[],
  waitingTokens: number,
  ends: AuthorityView['ends'],
): AuthorityView {
  const trusted = trustedOf(state);
  const retired = issuers.filter(({ id }) => !trusted.includes(id)).slice(-MAX_RETIRED);
  const shown = [...trusted.map((id) => issuers.find((issuer) => issuer.id === id)!), ...retired.toReversed()];
  const steps = stepsOf(state.phase);
  const leavingStep = steps.find((step) => follow(state, step)?.leaves !== undefined);
  const stranded = leavingStep && strandedBy(follow(state, leavingStep)!.leaves, gateways);
  return {
    phase: state.phase,
    since: state.since.toISOString(),
    steps: [...steps],
    roots: rootsOf(state, shown.slice(0, trusted.length)),
    issuers: shown.map((issuer) => ({
      id: issuer.id,
      rootId: issuer.rootId,
      ...facts(issuer.certificate),
      createdAt: issuer.createdAt.toISOString(),
      role: issuer.id === state.current ? ('current' as const) : issuer.id === state.next ? ('next' as const) : ('retired' as const),
      isSigning: issuer.id === signerOf(state),
      gateways: gateways.filter((gateway) => gateway.issuer === issuer.id).length,
    })),
    stranded: stranded &&
      leavingStep && {
        step: leavingStep,
        total: stranded.length,
        gateways: stranded.slice(0, MAX_NAMED).map(({ id, tenantId, name }) => ({ id, tenantId, name })),
      },
    waitingTokens,
    ends,
  };
}

function rootsOf(state: State, trusted: readonly IssuerRow[]): AuthorityView['roots'] {
  const pinned = trusted.find(({ id }) => id === state.current)!.rootId;
  const roots = new Map(trusted.map((issuer) => [issuer.rootId, issuer]));
  return [...roots.values()].map(({ certificate, root }) => ({
    id: root.id,
    source: root.source as AuthorityView['roots'][number]['source'],
    ...facts(root.certificate),
    certificate: root.certificate,
    key: certificate === root.certificate ? 'signing' : root.sealedKey ? 'here' : root.source === 'company' ? 'elsewhere' : 'removed',
    exportedAt: root.exportedAt?.toISOString(),
    isPinned: root.id === pinned,
  }));
}

function facts(pem: string): { subject: string; fingerprint: string; endsAt: string } {
  const certificate = new X509Certificate(pem);
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    fingerprint: certificate.fingerprint256,
    endsAt: new Date(certificate.validTo).toISOString(),
  };
}

/** The name of a certificate for people. */
export function commonNameOf(pem: string): string {
  const { subject } = new X509Certificate(pem);
  return /^CN=(.+)$/m.exec(subject)?.[1] ?? subject.replaceAll('\n', ', ');
}
