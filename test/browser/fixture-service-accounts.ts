import type { z } from 'zod';
import { routes } from '../../proto/http/routes.ts';
import type { serviceAccount } from '../../proto/http/service-accounts.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Ask } from './fixture-api.ts';
import { id } from './fixture-fleet.ts';

type Account = z.output<typeof serviceAccount>;
const HOUR_MS = 3_600_000;

/** Service accounts: one that is there, and those that a test makes. */
export class FixtureServiceAccounts {
  readonly items: Account[];
  readonly #nowMs: number;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
    this.items = [
      {
        id: id(9, 700),
        name: 'prometheus',
        purpose: 'scrapes /metrics',
        role: 'viewer',
        tenantId: id(1, 1),
        actions: ['metrics.read'],
        state: 'active',
        createdAt: this.#at(-2000),
        createdBy: 'night desk',
        expiresAt: this.#at(3000),
        lastUsedAt: this.#at(-1),
        secrets: [{ createdAt: this.#at(-2000), shownTo: 'night desk', lastUsedAt: this.#at(-1) }],
      },
    ];
  }

  answers(page: (items: never[], query: Record<string, unknown>) => unknown) {
    const change = ({ params }: Ask, to: Partial<Account>) => Object.assign(this.#find(params.id), to);
    return {
      listServiceAccounts: ({ query }: Ask) => page(this.items as never[], query),
      createServiceAccount: ({ body }: Ask) => {
        const { expiresInDays, ...own } = routes.createServiceAccount.body.parse(body);
        const made: Account = {
          ...own,
          id: id(9, 700 + this.items.length),
          state: 'active',
          createdAt: this.#at(0),
          createdBy: 'night desk',
          expiresAt: this.#at(24 * expiresInDays),
          secrets: [{ createdAt: this.#at(0), shownTo: 'night desk' }],
        };
        this.items.push(made);
        return { ...made, secret: 'ctfs_first' };
      },
      updateServiceAccount: (ask: Ask) => {
        const { expiresInDays, actions, ...own } = routes.updateServiceAccount.body.parse(ask.body);
        return change(ask, {
          ...own,
          ...(actions !== undefined && { actions: actions ?? undefined }),
          ...(expiresInDays !== undefined && { expiresAt: this.#at(24 * expiresInDays) }),
        });
      },
      rotateServiceAccount: (ask: Ask) => {
        const { overlapHours } = routes.rotateServiceAccount.body.parse(ask.body);
        const earlier = this.#find(ask.params.id).secrets.slice(0, 1);
        const secrets = [
          { createdAt: this.#at(0), shownTo: 'night desk' },
          ...earlier.map((one) => ({ ...one, endsAt: this.#at(overlapHours) })),
        ];
        return { ...change(ask, { secrets }), secret: 'ctfs_second' };
      },
      endEarlierSecret: (ask: Ask) => change(ask, { secrets: this.#find(ask.params.id).secrets.slice(0, 1) }),
      suspendServiceAccount: (ask: Ask) => change(ask, { state: 'suspended' }),
      resumeServiceAccount: (ask: Ask) => change(ask, { state: 'active' }),
      removeServiceAccount: ({ params }: Ask) => void this.items.splice(this.items.indexOf(this.#find(params.id)), 1),
    };
  }

  #at(hours: number): string {
    return new Date(this.#nowMs + hours * HOUR_MS).toISOString();
  }

  #find(wanted: string | undefined): Account {
    const found = this.items.find((one) => one.id === wanted);
    if (!found) throw new FleetError('NOT_FOUND', 'There is no such service account.');
    return found;
  }
}
