import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { LinkService } from '../link/link.service.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { Readiness } from '../platform/readiness.ts';
import { Replicas } from './replicas.service.ts';

/** What a replica does before it stops, so that the others take over one thing after the other. */
@Injectable()
export class Drain {
  constructor(
    @Inject(Replicas) private readonly replicas: Replicas,
    @Inject(LinkService) private readonly link: LinkService,
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** How long it takes: without others that take over there is nothing to wait for, and the sooner it is back, the better. */
  get lastsMs(): number {
    return this.replicas.areOthersAble ? this.config.drainMs : 0;
  }

  /** Says that it is not ready, gives its sessions away, and answers what still comes until load balancers have noticed. */
  async drain(): Promise<void> {
    const ms = this.lastsMs;
    this.readiness.isDraining = true;
    this.replicas.startDraining();
    if (ms > 0) this.logger.info({ ms }, 'others take over from this controller');
    await Promise.all([this.link.giveAway(ms), delay(ms)]);
  }
}
