import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { LinkRepository } from '../link/link.repository.ts';
import { GATEWAY_CHANGED } from '../link/notifications.ts';
import { Sessions } from '../link/sessions.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database } from '../platform/database.ts';
import { Failures } from '../platform/failures.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { VERSION } from '../platform/version.ts';
import { BEAT_MS, canTakeOver, Steadiness, type Replica } from './replica.ts';
import { ReplicasRepository } from './replicas.repository.ts';

/**
 * Which replicas live. Each beats twice a second; whoever finds that another no longer does closes its sessions in the registry, so that
 * every replica and every noun sees the same.
 */
@Injectable()
export class Replicas implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly steadiness = new Steadiness();
  private readonly failures: Failures;
  private readonly lostListeners = new Set<(replicaId: string) => void>();
  private others: readonly Replica[] = [];
  private peerAddress: string | null = null;
  private isDraining = false;
  private isStopped = false;
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> | undefined;
  private mending: Promise<void> | undefined;
  /** Others may have closed sessions that this replica holds. */
  private mustResume = false;

  constructor(
    @Inject(ReplicasRepository) private readonly repository: ReplicasRepository,
    @Inject(LinkRepository) private readonly registry: LinkRepository,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.failures = new Failures(logger, clock);
  }

  get ownId(): string {
    return this.sessions.replicaId;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.beat();
    this.timer = setInterval(() => void this.beat(), BEAT_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    this.isStopped = true;
    await this.beating;
    await this.mending;
    // Also sessions whose own end could not be recorded any more: nobody else looks for those of a replica that has ended.
    await this.database
      .transact('all', async (t) => {
        await this.repository.end(t, this.ownId);
        await this.notifications.sendAll(t, GATEWAY_CHANGED, await this.registry.interrupt(t, [this.ownId]));
      })
      .catch((error: unknown) => this.logger.warn({ err: error }, 'the end of this controller could not be recorded; others will find it'));
  }

  /** Others reach this replica there. */
  async announce(peerAddress: string): Promise<void> {
    this.peerAddress = peerAddress;
    await this.beatAnew();
  }

  /** Whether others can take over what this replica does, as far as it knows. */
  get areOthersAble(): boolean {
    return canTakeOver(this.others, this.config.roles);
  }

  /** Says with its heartbeats that this replica is about to stop. */
  startDraining(): void {
    this.isDraining = true;
    void this.beat();
  }

  /** Another replica that lives. One that has just begun, or goes on after it was taken for dead, is looked up. */
  async find(replicaId: string): Promise<Replica | undefined> {
    const known = (): Replica | undefined => this.others.find(({ id, isAlive }) => id === replicaId && isAlive);
    if (!known()) await this.beatAnew();
    return known();
  }

  /** Calls `listener` for each replica that ended or no longer beats. */
  onLost(listener: (replicaId: string) => void): void {
    this.lostListeners.add(listener);
  }

  /** A heartbeat that is under way may have read or said what was before. */
  private async beatAnew(): Promise<void> {
    await this.beating;
    await this.beat();
  }

  /** Never rejects. Callers at the same time share one. */
  private beat(): Promise<void> {
    if (this.isStopped) return Promise.resolve();
    this.beating ??= this.failures
      .watch('the heartbeat of this controller could not be recorded', () => this.beatNow())
      .finally(() => {
        this.beating = undefined;
      });
    return this.beating;
  }

  private async beatNow(): Promise<void> {
    const { ownId: id, peerAddress, isDraining } = this;
    const outcome = await this.repository.beat({ id, version: VERSION, roles: this.config.roles, peerAddress, isDraining });
    this.steadiness.beaten(performance.now());
    this.mustResume ||= outcome === 'began';
    if (this.mustResume) this.mend('sessions could not be opened again in the registry', () => this.resume());
    const others = (await this.repository.list()).filter((replica) => replica.id !== id);
    const lost = this.others.filter((before) => before.isAlive && !others.some((now) => now.id === before.id && now.isAlive));
    this.others = others;
    for (const replica of lost) this.lostListeners.forEach((listener) => listener(replica.id));
    if (others.some(({ isAlive }) => !isAlive) && this.steadiness.isSteady())
      this.mend('the sessions of a dead controller could not be closed', () => this.closeDead());
  }

  /** Beside the heartbeat, which must not wait for it; one at a time. What fails or is in the way comes with a later heartbeat. */
  private mend(failure: string, work: () => Promise<void>): void {
    this.mending ??= this.failures.watch(failure, work).finally(() => {
      this.mending = undefined;
    });
  }

  /** This replica was taken for dead and is not: what it still holds, and nobody else has taken over, is open again. */
  private async resume(): Promise<void> {
    const open = this.sessions.all().filter(({ isClosed }) => !isClosed);
    const sessions = open.map(({ identity, epoch }) => ({ gatewayId: identity.gatewayId, epoch }));
    if (sessions.length > 0) {
      await this.database.transact('all', async (t) => {
        const resumed = await this.registry.resume(t, this.ownId, sessions);
        await this.notifications.sendAll(t, GATEWAY_CHANGED, resumed);
      });
      this.logger.warn({ sessions: sessions.length }, 'this controller was taken for dead, and goes on');
    }
    this.mustResume = false;
  }

  private async closeDead(): Promise<void> {
    const { dead, gateways } = await this.database.transact('all', async (t) => {
      const ids = await this.repository.endDead(t);
      const interrupted = ids.length === 0 ? [] : await this.registry.interrupt(t, ids);
      await this.notifications.sendAll(t, GATEWAY_CHANGED, interrupted);
      return { dead: ids, gateways: interrupted.length };
    });
    if (dead.length > 0) this.logger.warn({ replicas: dead, gateways }, 'a controller no longer beats; its gateways are reconnecting');
  }
}
