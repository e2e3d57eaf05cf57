import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { ExpectationList, ExpectationsEnded } from '../../proto/gen/ctfleet/v1/policy.ts';
import type { deleteExpectations, listExpectations } from '../../proto/http/expectations.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { DELETES_EXPECTATIONS, LISTS_EXPECTATIONS, MAX_EXPECTATIONS } from '../../proto/model/expectation.ts';
import { fromWireExpectation, toWireExpectation } from '../../proto/wire/expectation.ts';
import { AuditService, toActor, type Decision } from '../audit/audit.service.ts';
import type { GatewayRow } from '../gateways/gateway-view.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import type { Caller } from '../platform/caller.ts';
import { Database } from '../platform/database.ts';
import { counted } from '../platform/plural.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { int32From } from '../platform/untrusted.ts';
import { GatewayReadings, NOTHING_TOLD } from '../policies/gateway-readings.service.ts';
import { expectationLine, fromExpectationView, toExpectationView } from './expectation-view.ts';

type Listed = z.output<typeof listExpectations.response>;
type Deleted = z.output<typeof deleteExpectations.response>;

const NOTHING_DELETED = { deleted: 0, gone: 0, failed: 0 };
const UNREADABLE = { state: 'failed' as const, reason: 'its agent sent what is no expectation' };

/** What helpers of a gateway expect, asked from it at the moment of the call. */
@Injectable()
export class ExpectationsService {
  constructor(
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(GatewayReadings) private readonly readings: GatewayReadings,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** Throws NOT_FOUND. */
  async list(scope: TenantScope, gatewayId: string, signal: AbortSignal): Promise<Listed> {
    const row = await this.find(scope, gatewayId);
    const ask = { $case: 'expectations' as const, value: { limit: MAX_EXPECTATIONS } };
    const asked = await this.readings.ask(row, LISTS_EXPECTATIONS, ask, signal);
    const nothing = { gatewayId, items: [], left: 0 };
    if (!('answer' in asked)) return { ...nothing, ...asked };
    const { expectations } = asked.answer.head;
    if (!expectations) return { ...nothing, ...NOTHING_TOLD };
    const items = itemsOf(expectations);
    if (!items) return { ...nothing, ...UNREADABLE };
    const unshown = Math.max(0, expectations.expectations.length - items.length);
    return { gatewayId, state: 'answered', readAt: asked.at.toISOString(), items, left: int32From(expectations.left + unshown) };
  }

  /**
   * Deletes them as they were listed. The audit trail has what was asked for before the gateway is asked, and what came of it after. Throws
   * NOT_FOUND, and INVALID_REQUEST for what was never listed.
   */
  async delete(
    caller: Caller,
    scope: TenantScope,
    gatewayId: string,
    { items, reason }: z.output<NonNullable<typeof deleteExpectations.body>>,
  ): Promise<Deleted> {
    const expectations = items.map((item, index) => toWireExpectation(fromExpectationView(item, index)));
    const row = await this.find(scope, gatewayId);
    const about = { tenantId: row.tenantId, actor: toActor(caller), gatewayId, gatewayName: row.name };
    const what = counted(items.length, 'expectation');
    await this.audit.recordAlone({
      ...about,
      action: 'expectations.deleting',
      outcome: 'ok',
      summary: `${caller.name} asked ${row.name} to delete ${what}: ${reason}`,
      detail: { reason, asked: items.length, expectations: items.map(expectationLine) },
    });
    // Not the caller's signal: whoever asked may leave, and what was begun is recorded all the same.
    const ask = { $case: 'endExpectations' as const, value: { expectations } };
    const asked = await this.readings.ask(row, DELETES_EXPECTATIONS, ask, new AbortController().signal);
    const answer = answerOf(gatewayId, asked);
    await this.audit.recordAlone({
      ...about,
      action: 'expectations.deleted',
      ...resultOf(row.name, what, answer),
      detail: { reason, ...answer },
    });
    return answer;
  }

  private async find(scope: TenantScope, gatewayId: string): Promise<GatewayRow> {
    const row = await this.database.transact(scope, (t) => this.gateways.find(t, gatewayId));
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such gateway.');
    return row;
  }
}

/** Undefined if one of them is none. No more than were asked for. */
function itemsOf({ expectations }: ExpectationList): Listed['items'] | undefined {
  try {
    return expectations.slice(0, MAX_EXPECTATIONS).map((wire) => toExpectationView(fromWireExpectation(wire)));
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function answerOf(gatewayId: string, asked: Awaited<ReturnType<GatewayReadings['ask']>>): Deleted {
  if (!('answer' in asked)) return { gatewayId, ...NOTHING_DELETED, ...asked };
  const { expectationsEnded } = asked.answer.head;
  if (!expectationsEnded) return { gatewayId, ...NOTHING_DELETED, ...NOTHING_TOLD };
  return { gatewayId, state: 'answered', ...numbersOf(expectationsEnded) };
}

function numbersOf({ deleted, gone, failed }: ExpectationsEnded): typeof NOTHING_DELETED {
  return { deleted: int32From(deleted), gone: int32From(gone), failed: int32From(failed) };
}

function resultOf(name: string, what: string, { state, reason, deleted, gone, failed }: Deleted): Pick<Decision, 'outcome' | 'summary'> {
  if (state !== 'answered') return { outcome: 'failed', summary: `${name} did not say that it deleted ${what}: ${reason ?? state}` };
  const outcome = failed === 0 ? 'ok' : deleted > 0 ? 'partial' : 'failed';
  return { outcome, summary: `${name} deleted ${deleted} of ${what}; ${gone} had ended, ${failed} are still there` };
}
