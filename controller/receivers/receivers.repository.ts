import { Injectable } from '@nestjs/common';
import { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import type { ReceiverRow } from './rows.ts';

/** With its newest attempt, and since when none was taken. */
const ROWS = Prisma.sql`
  SELECT receiver.id, receiver.tenant_id AS "tenantId", tenant.name AS "tenantName", receiver.name, receiver.kind, severities, addresses,
    receiver.target, hours, remind_minutes AS "remindMinutes", is_on AS "isOn", revision, created_by_name AS "createdByName", receiver.created_at AS "createdAt",
    last.at AS "lastAt", last.state AS "lastState", last.answer AS "lastAnswer", failing.since AS "failingSince"
  FROM receiver LEFT JOIN tenant ON tenant.id = receiver.tenant_id
  LEFT JOIN LATERAL (
    SELECT coalesce(sent_at, queued_at) AS at, state, answer FROM delivery
    WHERE receiver_id = receiver.id AND attempts > 0 ORDER BY id DESC LIMIT 1
  ) last ON true
  LEFT JOIN LATERAL (
    SELECT min(queued_at) AS since FROM delivery WHERE receiver_id = receiver.id AND state IN ('retrying', 'failed')
      AND queued_at > coalesce(
        (SELECT max(queued_at) FROM delivery sent WHERE sent.receiver_id = receiver.id AND sent.state = 'sent'), 'epoch')
  ) failing ON true`;

/** Who alerts are told to, as a caller’s tenants see them. */
@Injectable()
export class ReceiversRepository {
  /** By name, up to `limit` + 1. */
  async list(t: Transaction, wanted: { tenant?: string; limit: number; after?: { name: string; id: string } }): Promise<ReceiverRow[]> {
    const of = wanted.tenant === undefined ? Prisma.empty : Prisma.sql`AND receiver.tenant_id = ${wanted.tenant}::uuid`;
    const after = wanted.after
      ? Prisma.sql`AND (receiver.name, receiver.id) > (${wanted.after.name}, ${wanted.after.id}::uuid)`
      : Prisma.empty;
    return t.$queryRaw<ReceiverRow[]>`${ROWS} WHERE true ${of} ${after} ORDER BY receiver.name, receiver.id LIMIT ${wanted.limit + 1}`;
  }

  async find(t: Transaction, id: string): Promise<ReceiverRow | undefined> {
    return (await t.$queryRaw<ReceiverRow[]>`${ROWS} WHERE receiver.id = ${id}::uuid`)[0];
  }

  /** How many there are here; nobody adds one until the transaction has ended. */
  async count(t: Transaction, tenantId: string | null): Promise<number> {
    await t.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`receivers of ${tenantId ?? 'the installation'}`}, 0))`;
    const [row] = await t.$queryRaw<[{ count: number }]>`
      SELECT count(*)::int AS count FROM receiver WHERE tenant_id IS NOT DISTINCT FROM ${tenantId}::uuid`;
    return row.count;
  }

  async insert(
    t: Transaction,
    row: Pick<
      ReceiverRow,
      | 'id'
      | 'tenantId'
      | 'name'
      | 'kind'
      | 'severities'
      | 'addresses'
      | 'target'
      | 'hours'
      | 'remindMinutes'
      | 'isOn'
      | 'createdByName'
      | 'createdAt'
    >,
  ): Promise<void> {
    await t.$executeRaw`
      INSERT INTO receiver (id, tenant_id, name, kind, severities, addresses, target, hours, remind_minutes, is_on, revision, created_by_name, created_at)
      VALUES (${row.id}::uuid, ${row.tenantId}::uuid, ${row.name}, ${row.kind}, ${row.severities}, ${row.addresses}, ${row.target},
        ${row.hours && JSON.stringify(row.hours)}::jsonb, ${row.remindMinutes}, ${row.isOn}, 1,
        ${row.createdByName}, ${row.createdAt})`;
  }

  /** False if it has been changed since that revision. */
  async update(
    t: Transaction,
    id: string,
    revision: number,
    {
      name,
      severities,
      addresses,
      target,
      hours,
      remindMinutes,
      isOn,
    }: Pick<ReceiverRow, 'name' | 'severities' | 'addresses' | 'target' | 'hours' | 'remindMinutes' | 'isOn'>,
  ): Promise<boolean> {
    const count = await t.$executeRaw`
      UPDATE receiver SET name = ${name}, severities = ${severities}, addresses = ${addresses}, target = ${target},
        hours = ${hours && JSON.stringify(hours)}::jsonb, remind_minutes = ${remindMinutes}, is_on = ${isOn}, revision = revision + 1
      WHERE id = ${id}::uuid AND revision = ${revision}`;
    return count === 1;
  }

  async remove(t: Transaction, id: string): Promise<void> {
    await t.$executeRaw`DELETE FROM receiver WHERE id = ${id}::uuid`;
  }
}
