import { Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { newSecret } from '../platform/secret.ts';
import { openStateDir, readOrCreate } from '../platform/state-dir.ts';
import { AUTH, createAuth } from './auth.ts';
import { AccessController } from './access.controller.ts';
import { ApprovalSignaturesService } from './approval-signatures.service.ts';
import { AccountController } from './account.controller.ts';
import { AccountService } from './account.service.ts';
import { AccessGuard } from './access.guard.ts';
import { AuditModule } from '../audit/audit.module.ts';
import { CallersRepository } from './callers.repository.ts';
import { CallersService } from './callers.service.ts';
import { IdempotencyInterceptor } from './idempotency.interceptor.ts';
import { IdempotencyRepository } from './idempotency.repository.ts';
import { IdempotencyService } from './idempotency.service.ts';
import { PasskeysRepository } from './passkeys.repository.ts';
import { PasskeysService } from './passkeys.service.ts';
import { BreachedPasswords, BREACHED_PASSWORDS } from '../platform/breached-passwords.ts';
import { PasswordsService } from './passwords.service.ts';
import { PasswordResetsRepository } from './password-resets.repository.ts';
import { PasswordResetsService } from './password-resets.service.ts';
import { SecondFactorsRepository } from './second-factors.repository.ts';
import { SecondFactorsService } from './second-factors.service.ts';
import { SessionsRepository } from './sessions.repository.ts';
import { SessionsService } from './sessions.service.ts';
import { SignInLinksRepository } from './sign-in-links.repository.ts';
import { SignInLinksService } from './sign-in-links.service.ts';
import { SignInService } from './sign-in.service.ts';
import { TokensRepository } from './tokens.repository.ts';
import { TokensService } from './tokens.service.ts';
import { UsersService } from './users.service.ts';
import { nounModule } from '../platform/noun-module.ts';

const AUTH_PROVIDER = {
  provide: AUTH,
  inject: [CONFIG, Database, LOGGER],
  useFactory: async (config: Config, database: Database, logger: Logger) => {
    await openStateDir(config.stateDir);
    return createAuth(config, database, await readOrCreate(config.stateDir, 'auth.secret', async () => newSecret()), logger);
  },
};

const BREACHED_PROVIDER = {
  provide: BREACHED_PASSWORDS,
  inject: [CONFIG],
  useFactory: (config: Config) => BreachedPasswords.open(config.breachedPasswordsFile),
};

/** Who the caller is, and what the caller may do. */
@Module({})
export class AccessModule {
  static readonly with = nounModule(AccessModule, {
    uses: [AuditModule.with],
    providers: [
      AUTH_PROVIDER,
      { provide: APP_GUARD, useClass: AccessGuard },
      { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
      CallersRepository,
      CallersService,
      IdempotencyRepository,
      IdempotencyService,
      AccountService,
      ApprovalSignaturesService,
      PasskeysRepository,
      PasskeysService,
      BREACHED_PROVIDER,
      PasswordsService,
      PasswordResetsRepository,
      PasswordResetsService,
      SecondFactorsRepository,
      SecondFactorsService,
      SessionsRepository,
      SessionsService,
      SignInLinksRepository,
      SignInLinksService,
      SignInService,
      TokensRepository,
      TokensService,
      UsersService,
    ],
    exports: [
      AUTH,
      ApprovalSignaturesService,
      CallersService,
      PasswordResetsRepository,
      SecondFactorsRepository,
      SignInLinksService,
      SignInService,
    ],
    controllers: [AccessController, AccountController],
  });
}
