import { Injectable } from '@nestjs/common';
import { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import type { LastTold, PlannedDelivery, PlanningReceiver, StandingAlert, ToldAddress, UntoldTransition } from './planning.ts';
import type { Claimed, DeliveryRow } from './rows.ts';

const ROWS = Prisma.sql`
  SELECT id, tenant_id AS "tenantId", alert_id AS "alertId", reason, title, receiver_id AS "receiverId", receiver_name AS "receiverName",
    kind, address, state, attempts, queued_at AS "queuedAt", next_attempt_at AS "nextAttemptAt", sent_at AS "sentAt", answer FROM delivery`;

/** What is told to whom. Postgres says what is due and who tries it; the queue only wakes. */
@Injectable()
export class DeliveriesRepository {
  /** Nobody else plans until the transaction has ended; false if somebody does. */
  async lock(t: Transaction): Promise<boolean> {
    const [row] = await t.$queryRaw<[{ locked: boolean }]>`
      SELECT pg_try_advisory_xact_lock(hashtextextended('deliveries are planned', 0)) AS locked`;
    return row.locked;
  }

  /** What happened to alerts that nobody was told of, in order. */
  async untold(t: Transaction, limit: number): Promise<UntoldTransition[]> {
    return t.$queryRaw<UntoldTransition[]>`
      SELECT transition.id, alert_id AS "alertId", alert.tenant_id AS "tenantId", transition, state, severity, title,
        parent_id AS "parentId"
      FROM alert_transition transition JOIN alert ON alert.id = alert_id
      WHERE routed_at IS NULL ORDER BY at, transition.id LIMIT ${limit}`;
  }

  async receivers(t: Transaction): Promise<PlanningReceiver[]> {
    return t.$queryRaw<PlanningReceiver[]>`
      SELECT id, tenant_id AS "tenantId", name, kind, severities, addresses, hours, remind_minutes AS "remindMinutes",
        created_at AS "createdAt" FROM receiver WHERE is_on ORDER BY id`;
  }

  /** What was not taken while it held is not told once it is over. */
  async leaveOut(t: Transaction, alertIds: readonly string[], why: string): Promise<void> {
    await t.$executeRaw`
      UPDATE delivery SET state = 'left-out', answer = ${why}
      WHERE alert_id = ANY (${[...alertIds]}::uuid[]) AND reason IN ('raised', 'reminder') AND state IN ('queued', 'retrying')`;
  }

  /** Who was told, or is just being told, that these alerts were raised. */
  async told(t: Transaction, alertIds: readonly string[]): Promise<ToldAddress[]> {
    return t.$queryRaw<ToldAddress[]>`
      SELECT DISTINCT alert_id AS "alertId", receiver_id AS "receiverId", address FROM delivery
      WHERE alert_id = ANY (${[...alertIds]}::uuid[]) AND reason IN ('raised', 'reminder') AND receiver_id IS NOT NULL
        AND state IN ('queued', 'retrying', 'sending', 'sent')`;
  }

  /** What is raised, was planned once, and may have to be told again or late; the oldest first. */
  async standing(t: Transaction, limit: number): Promise<StandingAlert[]> {
    return t.$queryRaw<StandingAlert[]>`
      SELECT id AS "alertId", tenant_id AS "tenantId", severity, title, raised_at AS "raisedAt" FROM alert
      WHERE state = 'raised' AND parent_id IS NULL
        AND EXISTS (SELECT FROM alert_transition WHERE alert_id = alert.id AND routed_at IS NOT NULL)
      ORDER BY raised_at LIMIT ${limit}`;
  }

  /** When each address was last told of these alerts, whatever came of it. */
  async lastTold(t: Transaction, alertIds: readonly string[]): Promise<LastTold[]> {
    return t.$queryRaw<LastTold[]>`
      SELECT alert_id AS "alertId", receiver_id AS "receiverId", address, max(queued_at) AS at FROM delivery
      WHERE alert_id = ANY (${[...alertIds]}::uuid[]) AND reason IN ('raised', 'reminder') AND receiver_id IS NOT NULL
      GROUP BY alert_id, receiver_id, address`;
  }

  /** @param noMail why mail is not sent; undefined if it is */
  async insert(t: Transaction, planned: readonly PlannedDelivery[], now: Date, noMail: string | undefined): Promise<void> {
    const rows = JSON.stringify(
      planned.map(({ transitionId, alertId, tenantId, reason, title, receiver, address }) => ({
        id: newId(),
        transition_id: transitionId,
        alert_id: alertId,
        tenant_id: tenantId,
        reason,
        title,
        receiver_id: receiver.id,
        receiver_name: receiver.name,
        kind: receiver.kind,
        address,
      })),
    );
    await t.$executeRaw`
      INSERT INTO delivery (id, tenant_id, alert_id, transition_id, reason, title, receiver_id, receiver_name, kind, address, state,
        attempts, queued_at, next_attempt_at, answer)
      SELECT id, tenant_id, alert_id, transition_id, reason, title, receiver_id, receiver_name, kind, address,
        CASE WHEN kind = 'email' AND ${noMail ?? null}::text IS NOT NULL THEN 'left-out' ELSE 'queued' END, 0, ${now}, ${now},
        CASE WHEN kind = 'email' THEN ${noMail ?? null}::text END
      FROM jsonb_to_recordset(${rows}::jsonb) AS planned (id uuid, tenant_id uuid, alert_id uuid, transition_id uuid, reason text,
        title text, receiver_id uuid, receiver_name text, kind text, address text)
      ON CONFLICT (transition_id, receiver_id, address) DO NOTHING`;
  }

  async routed(t: Transaction, transitionIds: readonly string[], now: Date): Promise<void> {
    await t.$executeRaw`UPDATE alert_transition SET routed_at = ${now} WHERE id = ANY (${[...transitionIds]}::uuid[])`;
  }

  /** What is to be tried now, the longest waiting first; mail only where there is a server for it. */
  async due(t: Transaction, now: Date, hasMail: boolean, limit: number): Promise<{ id: string; attempts: number }[]> {
    return t.$queryRaw<{ id: string; attempts: number }[]>`
      SELECT id, attempts FROM delivery WHERE state IN ('queued', 'retrying', 'sending') AND next_attempt_at <= ${now} AND (${hasMail} OR kind <> 'email')
      ORDER BY next_attempt_at LIMIT ${limit}`;
  }

  /** Begins an attempt, which nobody else begins before `until`; undefined if none is due. */
  async claim(t: Transaction, id: string, now: Date, until: Date): Promise<Claimed | undefined> {
    const [row] = await t.$queryRaw<Claimed[]>`
      WITH claimed AS (
        UPDATE delivery SET state = 'sending', attempts = attempts + 1, next_attempt_at = ${until}
        WHERE id = ${id}::uuid AND state IN ('queued', 'retrying', 'sending') AND next_attempt_at <= ${now} RETURNING *
      )
      SELECT claimed.id, claimed.reason, claimed.receiver_name AS "receiverName", claimed.address, claimed.attempts, claimed.kind,
        claimed.receiver_id AS "receiverId", receiver.target, alert.state AS "alertState",
        claimed.queued_at AS "queuedAt", alert.id AS "alertId", alert.severity, alert.title, alert.likely, alert.rule,
        alert.raised_at AS "raisedAt", alert.cleared_at AS "clearedAt", alert.fix ->> 'words' AS "fixWords", gateway.name AS "gatewayName", site.name AS "siteName",
        site.time_zone AS "timeZone", tenant.name AS "tenantName",
        (SELECT state FROM delivery raised WHERE raised.alert_id = claimed.alert_id AND raised.receiver_id = claimed.receiver_id
          AND raised.address = claimed.address AND raised.reason IN ('raised', 'reminder')
          ORDER BY raised.state = 'sent' DESC, raised.id DESC LIMIT 1) AS "raisedState"
      FROM claimed JOIN alert ON alert.id = claimed.alert_id LEFT JOIN gateway ON gateway.id = alert.gateway_id
      LEFT JOIN site ON site.id = alert.site_id LEFT JOIN tenant ON tenant.id = alert.tenant_id
      LEFT JOIN receiver ON receiver.id = claimed.receiver_id`;
    return row;
  }

  /** What came of an attempt, unless another has begun since. */
  async settle(
    t: Transaction,
    { id, attempts }: Pick<DeliveryRow, 'id' | 'attempts'>,
    {
      state,
      answer,
      at,
      nextAttemptAt,
    }: { state: 'sent' | 'retrying' | 'failed' | 'left-out'; answer: string; at: Date; nextAttemptAt?: Date },
  ): Promise<void> {
    await t.$executeRaw`
      UPDATE delivery SET state = ${state}, answer = ${answer}, sent_at = ${state === 'sent' ? at : null},
        next_attempt_at = coalesce(${nextAttemptAt ?? null}::timestamptz, next_attempt_at)
      WHERE id = ${id}::uuid AND attempts = ${attempts} AND state = 'sending'`;
  }

  /** Newest first, up to `limit` + 1. */
  async list(
    t: Transaction,
    { limit, before, tenant, alert, receiver }: { limit: number; before?: string; tenant?: string; alert?: string; receiver?: string },
  ): Promise<DeliveryRow[]> {
    const terms = [
      before === undefined ? Prisma.empty : Prisma.sql`AND id < ${before}::uuid`,
      tenant === undefined ? Prisma.empty : Prisma.sql`AND tenant_id = ${tenant}::uuid`,
      alert === undefined ? Prisma.empty : Prisma.sql`AND alert_id = ${alert}::uuid`,
      receiver === undefined ? Prisma.empty : Prisma.sql`AND receiver_id = ${receiver}::uuid`,
    ];
    return t.$queryRaw<DeliveryRow[]>`${ROWS} WHERE true ${Prisma.join(terms, ' ')} ORDER BY id DESC LIMIT ${limit + 1}`;
  }

  async find(t: Transaction, id: string): Promise<DeliveryRow | undefined> {
    return (await t.$queryRaw<DeliveryRow[]>`${ROWS} WHERE id = ${id}::uuid`)[0];
  }

  /** It is due now; false if it was sent, or is being sent. Attempts are counted on: their number fences one that is under way. */
  async again(t: Transaction, id: string, now: Date): Promise<boolean> {
    const count = await t.$executeRaw`
      UPDATE delivery SET state = 'queued', next_attempt_at = ${now}
      WHERE id = ${id}::uuid AND state IN ('failed', 'left-out', 'retrying')`;
    return count === 1;
  }
}
