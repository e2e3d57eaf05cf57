import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { WorkLoop } from '../queue/work-loop.ts';
import { Sweep } from './sweep.service.ts';

/** Ticks of the work loop between two attempts to take a sweep’s turn. */
const TICKS = 4;

/** Judges what is not in samples. */
@Injectable()
export class AlertsJobs implements OnModuleInit {
  private ticks = 0;

  constructor(
    @Inject(Sweep) private readonly sweep: Sweep,
    @Inject(WorkLoop) private readonly loop: WorkLoop,
  ) {}

  onModuleInit(): void {
    this.loop.everyTick('alerts could not be judged', async () => {
      if (this.ticks++ % TICKS === 0) await this.sweep.run();
    });
    this.loop.everyRenewal('the audit chains could not be verified', () => this.sweep.verifyAudit());
  }
}
