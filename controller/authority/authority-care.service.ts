import { Inject, Injectable } from '@nestjs/common';
import type { AuthorityView } from '../../proto/http/authority.ts';
import { AuthorityRepository } from '../identity/authority.repository.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { AuthorityService, type Actor } from './authority.service.ts';
import { dueStep } from './care.ts';

const ACTOR: Actor = { kind: 'system', id: 'authority', name: 'ctfleet' };
const REMIND_MS = 86_400_000;

/** Replaces an intermediate in time by itself (care.ts), and says what it cannot. */
@Injectable()
export class AuthorityCareService {
  /** When it was last said of which certificate that somebody is needed. */
  private readonly said = new Map<string, number>();

  constructor(
    @Inject(AuthorityService) private readonly authority: AuthorityService,
    @Inject(AuthorityRepository) private readonly repository: AuthorityRepository,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Takes the step that is due, decided under the lock of the state: of several controllers one takes it. Safe at any time. */
  async look(): Promise<void> {
    // Said first: also of a step that fails.
    this.remind(await this.authority.ends());
    const step = await this.database.transact('all', async (t) => {
      const state = await this.repository.lock(t);
      const kept = { state, issuers: await this.repository.issuers(t) };
      const due = dueStep(kept, await this.repository.gateways(t), this.clock());
      if (due === 'prepare') await this.authority.prepareIntermediate(t, state, ACTOR, true);
      else if (due !== undefined) await this.authority.takeStep(t, state, ACTOR, due);
      return due;
    });
    if (step !== undefined) this.logger.info({ step }, 'the authority took a step of its rotation by itself');
  }

  private remind(ends: AuthorityView['ends']): void {
    const nowMs = this.clock();
    for (const { kind, name, endsAt, remedy } of ends) {
      const key = `${kind} ${name}`;
      if (remedy === undefined) this.said.delete(key);
      else if (nowMs - (this.said.get(key) ?? -Infinity) >= REMIND_MS) {
        this.said.set(key, nowMs);
        this.logger.warn({ kind, name, endsAt, remedy }, 'a certificate that the fleet depends on ends soon');
      }
    }
  }
}
