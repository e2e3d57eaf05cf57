import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { AuditEntry as AuditView } from '../../proto/http/audit.ts';
import { id as idSchema } from '../../proto/http/common.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage, type Page } from '../platform/cursor.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { AuditRepository, type AuditQuery, type NewEntry } from './audit.repository.ts';
import type { NamedEntry } from './entry-row.ts';
import { Repeats } from './repeats.ts';

/** What a service reports when it decides something. This service adds id, time and place in the chain. */
export type Decision = Omit<NewEntry, 'id' | 'at' | 'detail'> & { tenantId?: string; detail?: Record<string, unknown> };

/** Repeated events are recorded once per window, with their count. */
const REPEATS_MS = 60_000;
const LOOK_MS = 5000;

/** What happened to a session or a password; `tries`: how many attempts there were in a row. */
export interface SessionEvent {
  action: keyof typeof SESSION_WORDS;
  outcome: 'ok' | 'refused';
  userId: string;
  name: string;
  /** Absent where a route of the API did it. */
  address?: string;
  tries?: number;
  /** The name of the passkey. */
  of?: string;
  /** By which a person signed in or proved to be that person. */
  by?: 'password' | 'code' | 'recovery code' | 'passkey' | 'link';
}

const SESSION_WORDS = {
  'signed-in': 'signed in',
  'signed-out': 'signed out',
  refused: 'was refused at the sign-in',
  'code-asked': 'entered the password and was asked for a second factor',
  'code-refused': 'was refused: wrong or used code',
  proved: 'proved a second factor again',
  'password-changed': 'changed the password; all other sessions ended',
  'password-refused': 'entered a wrong current password',
  'totp-added': 'set up codes of an authenticator app as second factor',
  'totp-removed': 'removed the codes of an authenticator app',
  'recovery-codes-made': 'made new recovery codes; the earlier ones ended',
  'recovery-code-used': 'used a recovery code',
  'passkey-added': 'added a passkey',
  'passkey-renamed': 'renamed a passkey',
  'passkey-removed': 'removed a passkey',
  'passkey-refused': 'was refused: a passkey that is not known here, or used before',
  ended: 'ended a session of their own',
  'others-ended': 'ended all their other sessions',
} as const;

/** The actor of an entry. */
export function toActor(caller: Pick<Caller, 'kind' | 'id' | 'name'>): { kind: string; id: string; name: string } {
  return { kind: caller.kind, id: caller.id, name: caller.name };
}

@Injectable()
export class AuditService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly repeats = new Repeats<Decision>(REPEATS_MS);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(AuditRepository) private readonly entries: AuditRepository,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.recordRepeats(), LOOK_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.recordRepeats(true);
  }

  /**
   * Records a decision in the transaction that carries it out: neither exists without the other. It is appended last of all, as that locks
   * its chain.
   */
  record(t: Transaction, decision: Decision): void {
    this.database.lastly(t, this.append).push({ tenantId: decision.tenantId, entry: this.toEntry(decision) });
  }

  /** Records a decision that has no transaction of its own. */
  async recordAlone(decision: Decision): Promise<void> {
    await this.database.transact('all', async (t) => this.record(t, decision));
  }

  /**
   * Records what anyone may cause thousands of times: the first at once, those of the following minute as one entry with their count.
   * Decisions are alike if they have the same tenant, actor, action and `alike`.
   */
  async recordOften(decision: Decision, alike = ''): Promise<void> {
    const { tenantId = '', actor, action } = decision;
    if (this.repeats.note([tenantId, actor.id, action, alike].join(' '), decision, this.clock())) await this.recordAlone(decision);
  }

  /** Like `recordOften`, for callers that hold a transaction and cannot wait for another. */
  note(decision: Decision, alike = ''): void {
    this.recordOften(decision, alike).catch((error: unknown) =>
      this.logger.error({ err: error, action: decision.action }, 'an audit entry could not be written'),
    );
  }

  /** Records what was counted in windows that have ended. */
  private async recordRepeats(isAll = false): Promise<void> {
    for (const { item, times } of this.repeats.due(this.clock(), isAll)) {
      await this.recordAlone({
        ...item,
        summary: `${item.summary} (${times} more within a minute; this is the last)`,
        detail: { ...item.detail, times },
      }).catch((error: unknown) => this.logger.error({ err: error, action: item.action, times }, 'an audit entry could not be written'));
    }
  }

  async recordDenial(caller: Caller, action: string): Promise<void> {
    await this.recordOften(
      {
        actor: toActor(caller),
        action: 'access.denied',
        outcome: 'refused',
        summary: `${caller.name} was refused ${action}`,
        detail: { action },
      },
      action,
    );
  }

  async recordSession(event: SessionEvent): Promise<void> {
    const { action, outcome, userId, name, address, tries, by, of } = event;
    const said = action === 'refused' ? `Sign-in refused for ${name}` : `${name} ${SESSION_WORDS[action]}`;
    const how = (by === undefined || by === 'password' ? '' : ` by ${by}`) + (of === undefined ? '' : ` ${of}`);
    const decision: Decision = {
      actor: { kind: 'user', id: userId, name },
      action: `session.${action}`,
      outcome,
      summary: said + how + (tries !== undefined && tries > 1 && outcome === 'refused' ? `, ${tries} times` : ''),
      detail: { address, tries, by, passkey: of },
    };
    // Some can be caused again and again, by whoever knows the password or no secret at all.
    if (['code-asked', 'proved', 'passkey-refused'].includes(action)) await this.recordOften(decision, name);
    else await this.recordAlone(decision);
  }

  async recordToken(
    caller: Caller,
    action: 'token.made' | 'token.revoked',
    token: { id: string; name: string; role: string; tenantId: string | null },
  ): Promise<void> {
    await this.recordAlone({
      tenantId: token.tenantId ?? undefined,
      actor: toActor(caller),
      action,
      outcome: 'ok',
      summary: `${caller.name} ${action === 'token.made' ? 'made' : 'revoked'} the API token ${token.name} (${token.role})`,
      detail: { tokenId: token.id, role: token.role },
    });
  }

  async list(scope: TenantScope, query: Omit<AuditQuery, 'before'> & { cursor?: string }): Promise<Page<AuditView>> {
    const { cursor, ...wanted } = query;
    const rows = await this.entries.list(scope, { ...wanted, before: parseCursor(cursor, idSchema) });
    return toPage(rows, query.limit, toView, (row) => row.id);
  }

  /** Throws NOT_FOUND if the entry does not exist or is out of scope. */
  async get(scope: TenantScope, id: string): Promise<AuditView> {
    const entry = await this.entries.find(scope, id);
    if (!entry) throw new FleetError('NOT_FOUND', 'There is no such audit entry.');
    return toView(entry);
  }

  /** Chains are locked in one global order, so that transactions which lock several cannot deadlock. */
  private readonly append = async (t: Transaction, recorded: readonly { tenantId?: string; entry: NewEntry }[]): Promise<void> => {
    for (const tenantId of [...new Set(recorded.map((one) => one.tenantId))].toSorted())
      await this.entries.append(
        t,
        tenantId,
        recorded.filter((one) => one.tenantId === tenantId).map(({ entry }) => entry),
      );
  };

  private toEntry(decision: Decision): NewEntry {
    const { tenantId: _, ...said } = decision;
    // Through JSON: what is hashed must equal what the database returns.
    const detail = JSON.parse(JSON.stringify(decision.detail ?? {})) as Record<string, unknown>;
    return { ...said, id: newId(), at: new Date(this.clock()).toISOString(), detail };
  }
}

function toView(row: NamedEntry): AuditView {
  return {
    id: row.id,
    seq: Number(row.seq),
    at: row.at.toISOString(),
    tenantId: row.tenantId ?? undefined,
    tenantName: row.tenantName,
    actor: { kind: row.actorKind as AuditView['actor']['kind'], id: row.actorId, name: row.actorName },
    action: row.action,
    outcome: row.outcome as AuditView['outcome'],
    summary: row.summary,
    planId: row.planId ?? undefined,
    flushId: row.flushId ?? undefined,
    gatewayId: row.gatewayId ?? undefined,
    gatewayName: row.gatewayName ?? undefined,
    reason: row.reason ?? undefined,
    ticket: row.ticket ?? undefined,
    detail: row.detail as Record<string, unknown>,
    hash: row.hash,
    previousHash: row.previousHash,
  };
}
