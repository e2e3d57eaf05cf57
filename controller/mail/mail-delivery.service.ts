import { Inject, Injectable } from '@nestjs/common';
import { PasswordResetsRepository } from '../access/password-resets.repository.ts';
import { SignInLinksService } from '../access/sign-in-links.service.ts';
import { AuditService } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { MAILER, MailError, type Mailer } from '../platform/mailer.ts';
import { MailRepository, type Claimed } from './mail.repository.ts';
import { linkMessage, type Kind } from './messages.ts';

const MINUTE_MS = 60_000;
/** Waits after a try that failed; after the last one the mail has failed. */
const WAITS_MS = [MINUTE_MS, 5 * MINUTE_MS, 20 * MINUTE_MS, 60 * MINUTE_MS, 180 * MINUTE_MS];
/** Longer than a try can take: one whose process died is begun again then. */
const CLAIM_MS = 10 * MINUTE_MS;
/** How long a link lives from when it is sent. Whoever asked for a new password waits for it; a colleague may be away over a weekend. */
const LIVES_MS: Readonly<Record<Kind, number>> = { invitation: 72 * 60 * MINUTE_MS, link: 72 * 60 * MINUTE_MS, reset: 60 * MINUTE_MS };
const AT_ONCE = 50;
const ACTOR = { kind: 'system', id: 'mail', name: 'ctfleet' };

/** Sends what waits. A try makes its own link, which ends that of an earlier try: a secret is in the mail and nowhere else. */
@Injectable()
export class MailDeliveryService {
  constructor(
    @Inject(MAILER) private readonly mailer: Mailer | undefined,
    @Inject(MailRepository) private readonly repository: MailRepository,
    @Inject(PasswordResetsRepository) private readonly resets: PasswordResetsRepository,
    @Inject(SignInLinksService) private readonly links: SignInLinksService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Turns requests for a new password into mail, where somebody has the address and a password; nobody is told which. */
  async takeRequests(): Promise<void> {
    if (!this.mailer) return;
    const known = await this.database.transact('all', async (t) => {
      const asked = await this.resets.take(t, AT_ONCE);
      const people = await this.resets.peopleOf(t, asked);
      for (const { id, name } of people) {
        // What somebody else has asked for and is not sent yet has a link too.
        if (!(await this.repository.isWaiting(t, id)))
          await this.repository.put(t, { userId: id, kind: 'reset', askedByName: name, askedAt: new Date(this.clock()) });
      }
      return people;
    });
    for (const { id, name, address } of known)
      await this.audit.recordOften({
        actor: { kind: 'user', id, name },
        action: 'session.reset-asked',
        outcome: 'ok',
        summary: `Somebody asked for a new password of ${name}; a link is sent`,
        detail: { address },
      });
  }

  /** Whom mail is due for; none where no mail server is set here. */
  async due(): Promise<{ userId: string; tries: number }[]> {
    if (!this.mailer) return [];
    return this.database.transact('all', (t) => this.repository.due(t, new Date(this.clock()), AT_ONCE));
  }

  /** One try, if one is due. */
  async send(userId: string): Promise<void> {
    const { mailer } = this;
    if (!mailer) return;
    const nowMs = this.clock();
    const begun = await this.database.transact('all', async (t) => {
      const mail = await this.repository.claim(t, userId, new Date(nowMs), new Date(nowMs + CLAIM_MS));
      if (!mail) return undefined;
      if (mail.user.suspendedAt) {
        await this.settle(t, mail, 'This person is suspended.');
        return undefined;
      }
      return { mail, made: await this.links.make(t, userId, mail.askedByName, LIVES_MS[mail.kind as Kind]) };
    });
    if (!begun) return;
    const { mail, made } = begun;
    const { name, email: address } = mail.user;
    const { publicUrl } = this.config;
    const message = linkMessage(mail.kind as Kind, { name, askedByName: mail.askedByName, ...made, publicUrl });
    try {
      const answer = await mailer.send({ to: { name, address }, ...message });
      await this.database.transact('all', (t) => this.settle(t, mail, undefined, answer));
    } catch (error) {
      if (!(error instanceof MailError)) throw error;
      await this.failed(mail, error);
    }
  }

  private async failed(mail: Claimed, error: MailError): Promise<void> {
    const waitMs = error.isPermanent ? undefined : WAITS_MS[mail.tries - 1];
    // Not the server’s words, which may repeat the address; they are in the list of people and the trail.
    this.logger.warn({ person: mail.userId, tries: mail.tries, isPermanent: error.isPermanent, waitMs }, 'a mail was not taken');
    await this.database.transact('all', async (t) => {
      if (waitMs === undefined) return this.settle(t, mail, error.message);
      await this.repository.settle(t, mail, { state: 'waiting', nextTryAt: new Date(this.clock() + waitMs), failure: error.message });
    });
  }

  /** The end of a mail: taken, or not with the reason. */
  private async settle(t: Parameters<MailRepository['settle']>[0], mail: Claimed, failure?: string, answer?: string): Promise<void> {
    await this.repository.settle(t, mail, {
      state: failure === undefined ? 'sent' : 'failed',
      settledAt: new Date(this.clock()),
      failure: failure ?? null,
    });
    this.audit.record(t, {
      actor: ACTOR,
      action: failure === undefined ? 'mail.sent' : 'mail.failed',
      outcome: failure === undefined ? 'ok' : 'failed',
      summary:
        failure === undefined
          ? `The mail server took a sign-in link for ${mail.user.name}`
          : `A sign-in link for ${mail.user.name} was not delivered: ${failure}`,
      detail: { personId: mail.userId, kind: mail.kind, tries: mail.tries, answer },
    });
  }
}
