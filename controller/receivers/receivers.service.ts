import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { id as idSchema } from '../../proto/http/common.ts';
import type { createReceiver, Delivery, listDeliveries, listReceivers, Receiver, updateReceiver } from '../../proto/http/receivers.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { isTimeZone, namePlace } from '../gateways/tenants.service.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage } from '../platform/cursor.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { RateLimits } from '../platform/rate-limits.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { MAIL_TEST } from '../mail/rate-limits.ts';
import { ownScope } from '../policies/own-scope.ts';
import { PolicyDrafts } from '../policies/policy-drafts.service.ts';
import type { Hours } from '../../proto/model/alerts/hours.ts';
import { isHttpKind, type ReceiverKind, type Target } from '../../proto/model/alerts/receiver-kinds.ts';
import { Channels, NotTaken } from './channels.service.ts';
import { DeliveriesRepository } from './deliveries.repository.ts';
import { ReceiversRepository } from './receivers.repository.ts';
import type { ReceiverRow } from './rows.ts';
import { hintOf, targetOf } from './targets.ts';
import { toDeliveryView, toReceiverView } from './views.ts';

const MAX_RECEIVERS = 100;
const NO_MAIL = 'No mail server is set. Set CTFLEET_SMTP_HOST (docs/operating.md).';

/** Who alerts are told to, and what was told. */
@Injectable()
export class ReceiversService {
  constructor(
    @Inject(Channels) private readonly channels: Channels,
    @Inject(ReceiversRepository) private readonly receivers: ReceiversRepository,
    @Inject(DeliveriesRepository) private readonly deliveries: DeliveriesRepository,
    @Inject(PolicyDrafts) private readonly drafts: PolicyDrafts,
    @Inject(RateLimits) private readonly limits: RateLimits,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(scope: TenantScope, query: z.output<typeof listReceivers.query>): Promise<z.output<typeof listReceivers.response>> {
    const rows = await this.database.transact(scope, (t) =>
      this.receivers.list(t, { ...query, after: parseCursor(query.cursor, namePlace) }),
    );
    return toPage(rows, query.limit, toReceiverView, ({ name, id }) => ({ name, id }));
  }

  /**
   * `secret`: one that was made for it, shown this once. Throws NOT_FOUND for a tenant that the caller does not see, INVALID_REQUEST for one
   * too many and for what its kind does not have.
   */
  async create(
    caller: Caller,
    scope: TenantScope,
    {
      tenantId = null,
      addresses,
      url,
      key,
      ...body
    }: Omit<z.output<typeof createReceiver.body>, 'tenantId'> & { tenantId?: string | null },
  ): Promise<Receiver & { secret?: string }> {
    const { made, ...whom } = this.whomOf(body.kind, addresses, { url, key });
    checkZone(body.hours);
    return this.database.transact(ownScope(scope, tenantId), async (t) => {
      await this.drafts.tenantName(t, tenantId);
      if ((await this.receivers.count(t, tenantId)) >= MAX_RECEIVERS)
        throw new FleetError('INVALID_REQUEST', `There are ${MAX_RECEIVERS} receivers here already. Remove one first.`);
      const id = newId();
      await this.receivers.insert(t, {
        ...body,
        ...whom,
        hours: body.hours ?? null,
        remindMinutes: body.remindMinutes ?? null,
        id,
        tenantId,
        createdByName: caller.name,
        createdAt: new Date(this.clock()),
      });
      return { ...(await this.changed(t, caller, 'created', id)), ...(made !== undefined && { secret: made }) };
    });
  }

  /** Throws NOT_FOUND, and ALREADY_EXISTS for one that changed since the caller saw it. */
  async update(
    caller: Caller,
    scope: TenantScope,
    id: string,
    { revision, addresses, url, key, ...change }: z.output<typeof updateReceiver.body>,
  ): Promise<Receiver> {
    return this.database.transact(scope, async (t) => {
      const row = await this.find(t, id);
      const whom = this.whomOf(row.kind as ReceiverKind, addresses ?? (isHttpKind(row.kind) ? undefined : row.addresses), {
        ...(isHttpKind(row.kind) && this.channels.open(row.target)),
        ...withoutAbsent({ url, key }),
      });
      const { name, severities, hours, remindMinutes, isOn } = { ...row, ...withoutAbsent(change) };
      checkZone(hours);
      if (!(await this.receivers.update(t, id, revision, { ...whom, name, severities, hours, remindMinutes, isOn })))
        throw new FleetError(
          'ALREADY_EXISTS',
          `This receiver has been changed since: it is at revision ${row.revision}. Review it again.`,
          {
            revision: row.revision,
          },
        );
      return this.changed(t, caller, 'changed', id);
    });
  }

  /** Throws NOT_FOUND. */
  async remove(caller: Caller, scope: TenantScope, id: string): Promise<void> {
    await this.database.transact(scope, async (t) => {
      await this.changed(t, caller, 'removed', (await this.find(t, id)).id);
      await this.receivers.remove(t, id);
    });
  }

  /** Sends a test to its first address at once. Throws NOT_FOUND, CAPABILITY_MISSING, RATE_LIMITED. */
  async test(caller: Caller, scope: TenantScope, id: string): Promise<{ isTaken: boolean; answer: string }> {
    const row = await this.database.transact(scope, (t) => this.find(t, id));
    const { kind, name, target } = row;
    if (!isHttpKind(kind) && !this.channels.hasMail) throw new FleetError('CAPABILITY_MISSING', NO_MAIL);
    await this.limits.take(MAIL_TEST, caller.id);
    const outcome = await this.channels
      .send({ kind, name, address: row.addresses[0]!, target }, { test: { receiverName: name } }, newId())
      .then((answer) => ({ isTaken: true, answer }))
      .catch((error: unknown) => {
        if (error instanceof NotTaken) return { isTaken: false, answer: error.message };
        throw error;
      });
    await this.database.transact(scope, async (t) =>
      this.audit.record(t, {
        tenantId: row.tenantId ?? undefined,
        actor: toActor(caller),
        action: 'receiver.tested',
        outcome: outcome.isTaken ? 'ok' : 'failed',
        summary: `${caller.name} tested the receiver ${row.name}: ${outcome.isTaken ? 'taken' : 'not taken'}`,
        detail: { receiverId: id, ...outcome },
      }),
    );
    return outcome;
  }

  async listDeliveries(
    scope: TenantScope,
    query: z.output<typeof listDeliveries.query>,
  ): Promise<z.output<typeof listDeliveries.response>> {
    const { cursor, ...wanted } = query;
    const rows = await this.database.transact(scope, (t) => this.deliveries.list(t, { ...wanted, before: parseCursor(cursor, idSchema) }));
    return toPage(rows, query.limit, toDeliveryView, (row) => row.id);
  }

  /** Throws NOT_FOUND, and INVALID_REQUEST for one that was sent or waits already. */
  async retry(caller: Caller, scope: TenantScope, id: string): Promise<Delivery> {
    return this.database.transact(scope, async (t) => {
      const row = await this.deliveries.find(t, id);
      if (!row) throw new FleetError('NOT_FOUND', 'There is no such delivery.');
      if (!(await this.deliveries.again(t, id, new Date(this.clock()))))
        throw new FleetError('INVALID_REQUEST', 'It was sent, or is about to be.');
      this.audit.record(t, {
        tenantId: row.tenantId ?? undefined,
        actor: toActor(caller),
        action: 'delivery.retried',
        outcome: 'ok',
        summary: `${caller.name} had ${row.receiverName} told again: ${row.title}`,
        detail: { deliveryId: id, alertId: row.alertId, receiverId: row.receiverId },
      });
      return toDeliveryView((await this.deliveries.find(t, id))!);
    });
  }

  /** Where it goes, as it is stored. Throws INVALID_REQUEST with the place. */
  private whomOf(
    kind: ReceiverKind,
    addresses: string[] | undefined,
    { url, key }: Target,
  ): Pick<ReceiverRow, 'addresses' | 'target'> & { made?: string } {
    if (isHttpKind(kind)) {
      if (addresses) throw notOf(kind, 'addresses');
      const { target, made } = targetOf(kind, withoutAbsent({ url, key }));
      return { addresses: [hintOf(kind, target)], target: this.channels.seal(target), ...(made !== undefined && { made }) };
    }
    if (url !== undefined || key !== undefined) throw notOf(kind, url === undefined ? 'key' : 'url');
    if (!addresses)
      throw new FleetError('INVALID_REQUEST', 'Mail needs an address.', { issues: [{ path: 'addresses', message: 'is needed' }] });
    return { addresses, target: null };
  }

  private async find(t: Transaction, id: string): Promise<ReceiverRow> {
    const row = await this.receivers.find(t, id);
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such receiver.');
    return row;
  }

  private async changed(t: Transaction, caller: Caller, what: 'created' | 'changed' | 'removed', id: string): Promise<Receiver> {
    const row = await this.find(t, id);
    this.audit.record(t, {
      tenantId: row.tenantId ?? undefined,
      actor: toActor(caller),
      action: `receiver.${what}`,
      outcome: 'ok',
      summary: `${caller.name} ${what} the receiver ${row.name}`,
      detail: { receiverId: id, name: row.name, kind: row.kind, severities: row.severities, addresses: row.addresses, isOn: row.isOn },
    });
    return toReceiverView(row);
  }
}

function checkZone(hours: Hours | null | undefined): void {
  if (hours && !isTimeZone(hours.timeZone))
    throw new FleetError('INVALID_REQUEST', `${hours.timeZone} is not a time zone.`, {
      issues: [{ path: 'hours.timeZone', message: 'must be a zone such as Europe/Rome' }],
    });
}

function notOf(kind: ReceiverKind, path: string): FleetError {
  return new FleetError('INVALID_REQUEST', `A receiver of the kind ${kind} has no ${path}.`, {
    issues: [{ path, message: 'is not used' }],
  });
}

function withoutAbsent<T extends object>(change: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
