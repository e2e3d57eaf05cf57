import { Inject, Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { hashSecret, isSecret, newSecret } from '../platform/secret.ts';
import { AUTH, type Auth } from './auth.ts';
import { PasswordsService } from './passwords.service.ts';
import { formatLinkToken, parseLinkToken } from './secret-texts.ts';
import { SignInLinksRepository } from './sign-in-links.repository.ts';

/** Long enough for a colleague who is away over a weekend. */
const TTL_MS = 72 * 3_600_000;

export interface MadeLink {
  link: string;
  expiresAt: string;
}

/** Links by which a person chooses a password: an invitation, or a reset. Each works once. */
@Injectable()
export class SignInLinksService {
  constructor(
    @Inject(SignInLinksRepository) private readonly links: SignInLinksRepository,
    @Inject(PasswordsService) private readonly passwords: PasswordsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(AUTH) private readonly auth: Auth,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** A new link for a person; an earlier one ends. Its secret is behind the #, which no browser sends and no log has. */
  async make(t: Transaction, userId: string, createdByName: string, lifeMs = TTL_MS): Promise<MadeLink> {
    const now = this.clock();
    const secret = newSecret();
    const expiresAt = new Date(now + lifeMs);
    await this.links.put(t, { userId, secretHash: hashSecret(secret), createdByName, createdAt: new Date(now), expiresAt });
    return { link: `${this.config.publicUrl}/welcome#${formatLinkToken(userId, secret)}`, expiresAt: expiresAt.toISOString() };
  }

  /** A link that was made for a person is good for nothing from now on. */
  async end(t: Transaction, userId: string): Promise<void> {
    await this.links.remove(t, userId);
  }

  /** Whose link it is. Throws LINK_REFUSED. */
  async look(token: string): Promise<{ name: string; email: string; createdBy: string; expiresAt: string }> {
    return this.database.transact('all', async (t) => {
      const link = await this.find(t, token);
      return {
        name: link.user.name,
        email: link.user.email,
        createdBy: link.createdByName,
        expiresAt: link.expiresAt.toISOString(),
      };
    });
  }

  /** Sets the password of whom the link is for, and returns the address to sign in with. Throws LINK_REFUSED, INVALID_REQUEST. */
  async use(token: string, password: string, address: string): Promise<string> {
    const { user } = await this.database.transact('all', (t) => this.find(t, token));
    const problem = await this.passwords.problem(password, [user.name, user.email]);
    if (problem !== undefined)
      throw new FleetError('INVALID_REQUEST', `The password ${problem}.`, { issues: [{ path: 'body.password', message: problem }] });
    const hash = await (await this.auth.$context).password.hash(password);
    await this.database.transact('all', async (t) => {
      const link = await this.find(t, token);
      if (!(await this.links.take(t, user.id, link.secretHash))) throw refused();
      await this.links.setPassword(t, user.id, hash, new Date(this.clock()));
      this.audit.record(t, {
        actor: { kind: 'user', id: user.id, name: user.name },
        action: 'session.password-chosen',
        outcome: 'ok',
        summary: `${user.name} chose a password by a link that ${link.createdByName} made; all other sessions ended`,
        detail: { address },
      });
    });
    return user.email;
  }

  private async find(t: Transaction, token: string) {
    const parsed = parseLinkToken(token);
    const link = parsed && (await this.links.find(t, parsed.id));
    if (!link || !isSecret(parsed.secret, link.secretHash) || link.expiresAt.getTime() <= this.clock()) throw refused();
    return link;
  }
}

function refused(): FleetError {
  return new FleetError('LINK_REFUSED', 'This link was used, was replaced by a newer one, or has expired. Ask for a new one.');
}
