import { Inject, Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../platform/database.ts';
import { DEAD_MS, type Replica } from './replica.ts';

/** What a replica says of itself with each heartbeat. */
export interface Self extends Pick<Replica, 'id' | 'version' | 'peerAddress' | 'isDraining'> {
  roles: readonly string[];
}

/** The registry of replicas. Every time in it is by the clock of Postgres, since those of replicas differ. */
@Injectable()
export class ReplicasRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Records that a replica lives; `began` if it was not known, or was taken for dead. */
  async beat({ id, version, roles, peerAddress, isDraining }: Self): Promise<'went on' | 'began'> {
    const { rowCount } = await this.database.vital.query(
      `UPDATE replica SET heartbeat_at = clock_timestamp(), peer_address = $2,
         draining_since = CASE WHEN $3 THEN coalesce(draining_since, clock_timestamp()) END
       WHERE id = $1 AND ended_at IS NULL`,
      [id, peerAddress, isDraining],
    );
    if (rowCount === 1) return 'went on';
    await this.database.vital.query(
      `INSERT INTO replica (id, version, roles, peer_address, started_at, heartbeat_at)
       VALUES ($1, $2, $3, $4, clock_timestamp(), clock_timestamp())
       ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at, ended_at = NULL`,
      [id, version, roles, peerAddress],
    );
    return 'began';
  }

  /** The replicas that have not ended. */
  async list(): Promise<Replica[]> {
    const { rows } = await this.database.vital.query<Replica>(
      `SELECT id, version, roles, peer_address AS "peerAddress", draining_since IS NOT NULL AS "isDraining",
         heartbeat_at > clock_timestamp() - make_interval(secs => $1) AS "isAlive"
       FROM replica WHERE ended_at IS NULL`,
      [DEAD_MS / 1000],
    );
    return rows;
  }

  /** Ends those that no longer beat. Of several replicas that find one dead at the same time, one gets its id. */
  async endDead(t: Transaction): Promise<string[]> {
    const rows = await t.$queryRaw<{ id: string }[]>`
      UPDATE replica SET ended_at = clock_timestamp() WHERE id IN (
        SELECT id FROM replica
        WHERE ended_at IS NULL AND heartbeat_at <= clock_timestamp() - make_interval(secs => ${DEAD_MS / 1000})
        FOR UPDATE SKIP LOCKED
      )
      RETURNING id`;
    return rows.map(({ id }) => id);
  }

  /** This replica stops. Those that ended over a day ago are forgotten. */
  async end(t: Transaction, id: string): Promise<void> {
    await t.$executeRaw`UPDATE replica SET ended_at = clock_timestamp() WHERE id = ${id}::uuid AND ended_at IS NULL`;
    await t.$executeRaw`DELETE FROM replica WHERE ended_at < clock_timestamp() - interval '1 day'`;
  }
}
