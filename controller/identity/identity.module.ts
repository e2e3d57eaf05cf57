import { Module } from '@nestjs/common';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { nounModule } from '../platform/noun-module.ts';
import { openStateDir } from '../platform/state-dir.ts';
import { Authority, AUTHORITY } from './authority.ts';

const AUTHORITY_PROVIDER = {
  provide: AUTHORITY,
  inject: [CONFIG, CLOCK],
  useFactory: async ({ stateDir, certificateMs }: Config, clock: Clock): Promise<Authority> => (
    await openStateDir(stateDir),
    Authority.open(stateDir, clock(), certificateMs)
  ),
};

/** The certificate authority of the gateways. */
@Module({})
export class IdentityModule {
  static readonly with = nounModule(IdentityModule, { providers: [AUTHORITY_PROVIDER], exports: [AUTHORITY] });
}
