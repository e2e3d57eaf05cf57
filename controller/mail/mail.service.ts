import { Inject, Injectable } from '@nestjs/common';
import type { MailView } from '../../proto/http/mail.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { SignInLinksService } from '../access/sign-in-links.service.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import type { Transaction } from '../platform/database.ts';
import { MAILER, MailError, type Mailer } from '../platform/mailer.ts';
import { RateLimits } from '../platform/rate-limits.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { MailRepository } from './mail.repository.ts';
import { testMessage, type Kind } from './messages.ts';
import { MAIL_PERSON, MAIL_TENANT, MAIL_TEST } from './rate-limits.ts';

/** How a sign-in link reaches its person: by mail, and then nobody else sees it, or to be handed over. */
export type HandedLink = { isMailed: true } | { isMailed: false; link: string; expiresAt: string };

/** Mail as people ask for it. */
@Injectable()
export class MailService {
  constructor(
    @Inject(MAILER) private readonly mailer: Mailer | undefined,
    @Inject(MailRepository) private readonly repository: MailRepository,
    @Inject(SignInLinksService) private readonly links: SignInLinksService,
    @Inject(RateLimits) private readonly limits: RateLimits,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Counts a mail to a person before it is asked for; `tenantIds`: where the person has roles, null for all. Throws RATE_LIMITED. */
  async admit(email: string, tenantIds: Iterable<string | null>): Promise<void> {
    if (!this.mailer) return;
    await this.limits.take(MAIL_PERSON, email.toLowerCase());
    for (const tenantId of new Set(tenantIds)) await this.limits.take(MAIL_TENANT, tenantId ?? 'all');
  }

  /** A link for a person, sent where there is a mail server; an earlier one ends. */
  async hand(t: Transaction, userId: string, kind: Kind, askedByName: string): Promise<HandedLink> {
    if (!this.mailer) return { isMailed: false, ...(await this.links.make(t, userId, askedByName)) };
    await this.links.end(t, userId);
    await this.repository.put(t, { userId, kind, askedByName, askedAt: new Date(this.clock()) });
    return { isMailed: true };
  }

  /** Whether mail is sent, and from whom; by which server only for roles over all tenants. */
  show(scope: TenantScope): MailView {
    const { smtp } = this.config;
    if (!smtp) return { isSet: false };
    const server = { host: smtp.host, port: smtp.port, tls: smtp.tls, hasUser: smtp.user !== undefined };
    return { isSet: true, from: smtp.from.address, server: scope === 'all' ? server : undefined };
  }

  /** Sends the caller a mail at once and says what the server answered. Throws CAPABILITY_MISSING, FORBIDDEN, RATE_LIMITED. */
  async test(caller: Caller, scope: TenantScope): Promise<{ isTaken: boolean; answer: string }> {
    if (scope !== 'all') throw new FleetError('FORBIDDEN', 'The mail server is everybody’s: only an owner over all tenants may test it.');
    if (!this.mailer) throw new FleetError('CAPABILITY_MISSING', 'No mail server is set. Set CTFLEET_SMTP_HOST (docs/operating.md).');
    if (caller.email === undefined) throw new FleetError('FORBIDDEN', 'The test goes to your own address, and you have none.');
    await this.limits.take(MAIL_TEST, caller.userId);
    const to = { name: caller.name, address: caller.email };
    const tested = await this.mailer.send({ to, ...testMessage(caller.name, this.config.publicUrl) }).then(
      (answer) => ({ isTaken: true, answer }),
      (error: unknown) => {
        if (error instanceof MailError) return { isTaken: false, answer: error.message };
        throw error;
      },
    );
    await this.audit.recordAlone({
      actor: toActor(caller),
      action: 'mail.tested',
      outcome: tested.isTaken ? 'ok' : 'failed',
      summary: `${caller.name} sent a test mail: ${tested.isTaken ? 'the server took it' : tested.answer}`,
    });
    return tested;
  }
}
