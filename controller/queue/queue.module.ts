import { Module } from '@nestjs/common';
import { Queues } from './queues.ts';
import { WorkLoop } from './work-loop.ts';
import { nounModule } from '../platform/noun-module.ts';

/** The connection to the queue, and the heartbeat of the role `work`. */
@Module({})
export class QueueModule {
  static readonly with = nounModule(QueueModule, {
    providers: [Queues, WorkLoop],
    exports: [Queues, WorkLoop],
  });
}
