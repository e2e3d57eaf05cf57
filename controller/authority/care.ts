import { X509Certificate } from 'node:crypto';
import type { AuthorityView } from '../../proto/http/authority.ts';
import type { IssuerRow, State } from '../identity/kept.ts';
import { follow, strandedBy, trustedOf, type OnIssuer, type Step } from '../identity/rotation.ts';

/**
 * How an intermediate replaces itself. From half of its life on, if the key of its root is here:
 *
 *     steady ── prepare ──▶ prepared ── 1 h, switch ──▶ switched ── 1 d and every gateway renewed, retire ──▶ steady
 *
 * A rotation that a person prepared, or took a step back in, is left to people.
 */
const REPLACED_AT = 0.5;
const PREPARED_MS = 3_600_000;
const SWITCHED_MS = 86_400_000;
/** After somebody gave up what was prepared. */
const AGAIN_MS = 30 * 86_400_000;

const DAY_MS = 86_400_000;
/** How long before its end somebody is told; of a shorter life, its last third. */
const NOTICE_MS = 60 * DAY_MS;
const CONTROLLER_NOTICE_MS = 15 * DAY_MS;

interface Kept {
  state: State;
  issuers: readonly IssuerRow[];
}

/** The step that ctfleet takes by itself now; undefined if there is none. */
export function dueStep({ state, issuers }: Kept, gateways: readonly OnIssuer[], nowMs: number): Exclude<Step, 'back'> | undefined {
  const current = issuers.find(({ id }) => id === state.current)!;
  const next = issuers.find(({ id }) => id === state.next);
  const sinceMs = nowMs - state.since.getTime();
  switch (state.phase) {
    case 'steady': {
      const { startMs, endMs } = lifeOf(current.certificate);
      const isDue = nowMs >= startMs + (endMs - startMs) * REPLACED_AT && replacesItself(current);
      return isDue && !wasGivenUp(issuers, current, nowMs) ? 'prepare' : undefined;
    }
    case 'prepared':
      // Since something else than its preparation: somebody took a step back.
      return next!.isAutomatic && state.since.getTime() === next!.createdAt.getTime() && sinceMs >= PREPARED_MS ? 'switch' : undefined;
    case 'switched':
      return next!.isAutomatic && sinceMs >= SWITCHED_MS && strandedBy(follow(state, 'retire')!.leaves, gateways).length === 0
        ? 'retire'
        : undefined;
  }
}

/** When each certificate ends that is trusted or presented, the nearest first, with what is to be done where that is near. */
export function endsOf(
  kept: Kept,
  gateways: readonly OnIssuer[],
  controllers: readonly { name: string; endsAt: Date }[],
  nowMs: number,
): AuthorityView['ends'] {
  const { state, issuers } = kept;
  const trusted = trustedOf(state).map((id) => issuers.find((issuer) => issuer.id === id)!);
  const intermediates = trusted.filter(({ certificate, root }) => certificate !== root.certificate);
  const roots = [...new Set(trusted.map(({ root }) => root.certificate))];
  return [
    ...roots.map((certificate) => ({
      ...endOf('root', certificate, nowMs, () => rootRemedy(state)),
      isReplacedByItself: false,
    })),
    ...intermediates.map((issuer) => ({
      ...endOf('intermediate', issuer.certificate, nowMs, () => remedyOf(kept, issuer, gateways)),
      isReplacedByItself: replacesItself(issuer),
    })),
    ...controllers.map(({ name, endsAt }) => ({
      kind: 'controller' as const,
      name,
      endsAt: endsAt.toISOString(),
      isReplacedByItself: true,
      remedy:
        endsAt.getTime() - nowMs <= CONTROLLER_NOTICE_MS
          ? 'It should have renewed this. It cannot where what signs it ends as soon; otherwise its log says why.'
          : undefined,
    })),
  ].toSorted((a, b) => a.endsAt.localeCompare(b.endsAt));
}

/** Why no intermediate of a root can be made here, and what can be done instead. */
export function whyNoIntermediate({ source }: { source: string }): string {
  if (source === 'company')
    return 'The root is your company’s. Have it issue another intermediate, and run authority.js use-intermediate; or prepare a new root.';
  if (source === 'adopted') return 'The root is of a version without intermediates and allows none. Prepare a new root.';
  return 'The root’s key was removed from here. Put it back with authority.js import-root, or prepare a new root.';
}

function endOf<K extends 'root' | 'intermediate'>(kind: K, certificate: string, nowMs: number, remedy: () => string) {
  const { startMs, endMs } = lifeOf(certificate);
  const isNear = endMs - nowMs <= Math.min(NOTICE_MS, (endMs - startMs) / 3);
  return {
    kind,
    name: new X509Certificate(certificate).subject.replaceAll('\n', ', '),
    endsAt: new Date(endMs).toISOString(),
    remedy: isNear ? remedy() : undefined,
  };
}

/** True where a new intermediate of the same root can be made, and would outlive this one. */
function replacesItself({ certificate, root }: IssuerRow): boolean {
  if (certificate === root.certificate || !root.sealedKey) return false;
  return lifeOf(root.certificate).endMs - lifeOf(certificate).endMs > NOTICE_MS;
}

/** The last that was prepared by itself beside this one, and did not come to sign. */
function wasGivenUp(issuers: readonly IssuerRow[], { createdAt }: IssuerRow, nowMs: number): boolean {
  return issuers.some(
    (issuer) => issuer.isAutomatic && issuer.createdAt > createdAt && issuer.retiredAt && nowMs - issuer.retiredAt.getTime() < AGAIN_MS,
  );
}

function rootRemedy({ phase }: State): string {
  if (phase === 'steady') return 'Everything below it ends with it. Prepare a new authority, switch to it, and retire this one.';
  return 'Everything below it ends with it. Go on with the rotation that was begun.';
}

function remedyOf({ state }: Kept, issuer: IssuerRow, gateways: readonly OnIssuer[]): string {
  if (state.phase === 'switched' && issuer.id === state.current) {
    const left = strandedBy(issuer.id, gateways).length;
    return left === 0
      ? 'The next signs, and every gateway has renewed. Retire this one.'
      : `The next signs. Not renewed yet: ${left} ${left === 1 ? 'gateway' : 'gateways'}; see that they connect before it ends.`;
  }
  if (state.phase === 'prepared') return 'The next is prepared. Switch to it.';
  if (replacesItself(issuer))
    return 'It should have been replaced by itself; the controller’s log says why not. Prepare a new intermediate.';
  if (issuer.root.sealedKey && issuer.certificate !== issuer.root.certificate) return 'It ends with its root. Prepare a new root.';
  return whyNoIntermediate(issuer.root);
}

function lifeOf(certificate: string): { startMs: number; endMs: number } {
  const { validFrom, validTo } = new X509Certificate(certificate);
  return { startMs: Date.parse(validFrom), endMs: Date.parse(validTo) };
}
