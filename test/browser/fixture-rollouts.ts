import type { Enrolment, Rollout } from '../../proto/http/rollouts.ts';
import { routes } from '../../proto/http/routes.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Ask } from './fixture-api.ts';
import { id } from './fixture-fleet.ts';

/** Roll-outs that a test makes, and the gateways that it lets ask. */
export class FixtureRollouts {
  readonly items: Rollout[] = [];
  readonly enrolments: Enrolment[] = [];
  readonly #nowMs: number;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  /** Another agent asks with the token of the newest roll-out. */
  ask(name: string, over: Partial<Enrolment> = {}): Enrolment {
    const [rollout] = this.items as [Rollout];
    const number = this.enrolments.length + 1;
    const at = new Date(this.#nowMs).toISOString();
    const made: Enrolment = {
      id: id(9, 100 + number),
      rolloutId: rollout.id,
      tenantId: rollout.tenantId,
      state: rollout.needsApproval ? 'waiting' : 'enrolled',
      gatewayName: name,
      siteName: 'HQ',
      hostname: name,
      address: `198.51.100.${number}`,
      fingerprint: `k3fa-92mn-0x7q-z${String(number).padStart(3, '0')}`,
      askedAt: at,
      lastAskedAt: at,
      ...over,
    };
    this.enrolments.unshift(made);
    return made;
  }

  answers(page: (items: never[], query: Record<string, unknown>) => unknown) {
    const list = (items: unknown[], query: Record<string, unknown>) => page(items as never[], query);
    const shown = (rollout: Rollout): Rollout => {
      const own = this.enrolments.filter(({ rolloutId }) => rolloutId === rollout.id);
      const count = (state: string): number => own.filter((one) => one.state === state).length;
      return { ...rollout, used: count('enrolled'), waiting: count('waiting') };
    };
    const decide = (wanted: string | undefined, state: 'approved' | 'refused') =>
      Object.assign(found(this.enrolments, wanted), { state, decidedBy: 'night desk', decidedAt: new Date(this.#nowMs).toISOString() });
    return {
      createRollout: ({ body }: Ask) => {
        const { ttlMinutes, ...asked } = routes.createRollout.body.parse(body);
        const made: Rollout = {
          ...asked,
          id: id(9, 90 + this.items.length),
          siteName: asked.siteId && 'HQ',
          used: 0,
          waiting: 0,
          state: 'live',
          createdAt: new Date(this.#nowMs).toISOString(),
          expiresAt: new Date(this.#nowMs + ttlMinutes * 60_000).toISOString(),
          createdBy: 'night desk',
        };
        this.items.unshift(made);
        return { ...made, token: 'ctf1_secret', command: 'CTFLEET_JOIN_TOKEN=ctf1_secret ctfleet-agent run' };
      },
      listRollouts: ({ query }: Ask) => list(this.items.map(shown), query),
      getRollout: ({ params }: Ask) => shown(found(this.items, params.id)),
      revokeRollout: ({ params }: Ask) => void Object.assign(found(this.items, params.id), { state: 'revoked' }),
      listEnrolments: ({ params, query }: Ask) =>
        list(
          this.enrolments.filter(({ rolloutId }) => rolloutId === params.id),
          query,
        ),
      approveEnrolment: ({ params }: Ask) => decide(params.id, 'approved'),
      refuseEnrolment: ({ params }: Ask) => decide(params.id, 'refused'),
    };
  }
}

function found<T extends { id: string }>(items: T[], wanted: string | undefined): T {
  const one = items.find((item) => item.id === wanted);
  if (!one) throw new FleetError('NOT_FOUND', 'There is none of this id.');
  return one;
}
