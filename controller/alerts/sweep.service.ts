import { Inject, Injectable } from '@nestjs/common';
import { TrailsService } from '../audit/trails.service.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { AlertWriter } from './alert-writer.service.ts';
import { AlertsRepository } from './alerts.repository.ts';
import { SAMPLE_KINDS } from './judging/judge-samples.ts';
import { ALERT_CHANGED } from './notifications.ts';
import type { RulesInForce } from './rules-in-force.ts';
import { RulesInForceService } from './rules-in-force.service.ts';
import { SweepRepository, type StandingAlert } from './sweep.repository.ts';
import { alertsOf, SWEPT_KINDS } from './judging/conditions.ts';

/**
 * Judges four times a minute what is not in samples: everything that is bad now, against everything that is raised. One worker at a time,
 * by the clock of Postgres. Silences that have ended are ended here too.
 */
@Injectable()
export class Sweep {
  constructor(
    @Inject(SweepRepository) private readonly conditions: SweepRepository,
    @Inject(AlertsRepository) private readonly alerts: AlertsRepository,
    @Inject(AlertWriter) private readonly writer: AlertWriter,
    @Inject(RulesInForceService) private readonly rules: RulesInForceService,
    @Inject(TrailsService) private readonly trails: TrailsService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** True if it was this worker’s turn. */
  async run(): Promise<boolean> {
    const inForce = await this.rules.read();
    return this.database.transact('all', async (t) => {
      const turn = await this.conditions.takeTurn(t);
      if (!turn) return false;
      const { auditBreak, ...times } = turn;
      const all = { ...times, ...(await this.conditions.conditions(t)), ...(auditBreak !== null && { auditBreak }) };
      const found = alertsOf(all, inForce, this.config, newId);
      await this.write(t, found, inForce, turn.now);
      const told = await this.alerts.endSilences(t, turn.now);
      await this.notifications.sendMany(t, ALERT_CHANGED, told);
      return true;
    });
  }

  /** Verifies the audit chains once a day, and keeps what it found for the sweeps. */
  async verifyAudit(): Promise<void> {
    if (!(await this.database.transact('all', (t) => this.conditions.takeAuditTurn(t)))) return;
    const { chains, isIntact } = await this.trails.verify('all');
    const broken = chains.find((chain) => !chain.isIntact);
    const why = isIntact ? null : `The chain ${broken?.tenantName ?? 'of the installation'} is broken: verify it for the place.`;
    await this.database.transact('all', (t) => this.conditions.setAuditBreak(t, why));
  }

  private async write(t: Transaction, found: ReturnType<typeof alertsOf>, inForce: RulesInForce, now: Date): Promise<void> {
    const standing = await this.conditions.standing(t);
    const known = new Set(standing.map(({ fingerprint }) => fingerprint));
    const bad = new Set(found.map(({ fingerprint }) => fingerprint));
    const over = standing.filter((alert) => (isSwept(alert) ? !bad.has(alert.fingerprint) : isRetired(alert, inForce)));
    await this.writer.write(
      t,
      {
        found: found.filter(({ fingerprint }) => !known.has(fingerprint)),
        cleared: over.filter(({ isPending }) => !isPending).map(({ fingerprint }) => ({ fingerprint, at: now })),
        withdrawn: over.filter(({ isPending }) => isPending).map(({ fingerprint }) => fingerprint),
      },
      inForce,
      now.getTime(),
    );
  }
}

function isSwept({ kind }: StandingAlert): boolean {
  return SWEPT_KINDS.some((one) => one === kind);
}

/** Its rule was taken away or turned off, or its gateway is gone: no sample will tell. */
function isRetired({ kind, rule, gatewayId }: StandingAlert, inForce: RulesInForce): boolean {
  if (gatewayId === null || !inForce.places.has(gatewayId)) return true;
  return SAMPLE_KINDS.some((one) => one === kind) && !inForce.of(gatewayId).some(({ name, isOn }) => name === rule && isOn);
}
