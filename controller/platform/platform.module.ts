import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Addresses } from './addresses.ts';
import { CLOCK, type Clock } from './clock.ts';
import { CONFIG, type Config } from './config.ts';
import { Database } from './database.ts';
import { HealthController } from './health.controller.ts';
import { LOGGER, type Logger } from './logger.ts';
import { ReplicaNotifications } from './replica-notifications.ts';
import { ProblemFilter } from './problem.filter.ts';
import { Readiness } from './readiness.ts';
import { RateLimits } from './rate-limits.ts';
import { Encryption, ENCRYPTION } from './encryption.ts';
import { newSecret } from './secret.ts';
import { openStateDir, readOrCreate } from './state-dir.ts';

/** What a process gets from outside. */
export interface Surroundings {
  config: Config;
  logger: Logger;
  clock: Clock;
}

/** What every noun may use; it knows none of them. */
@Module({})
export class PlatformModule {
  static with({ config, logger, clock }: Surroundings): DynamicModule {
    const shared = [
      { provide: CONFIG, useValue: config },
      { provide: LOGGER, useValue: logger },
      { provide: CLOCK, useValue: clock },
      {
        provide: ENCRYPTION,
        useFactory: async () => (
          await openStateDir(config.stateDir),
          new Encryption(await readOrCreate(config.stateDir, 'seal.key', async () => newSecret()))
        ),
      },
      Addresses,
      Database,
      ReplicaNotifications,
      RateLimits,
      Readiness,
    ];
    return {
      module: PlatformModule,
      global: true,
      controllers: [HealthController],
      providers: [...shared, { provide: APP_FILTER, useClass: ProblemFilter }],
      exports: shared,
    };
  }
}
