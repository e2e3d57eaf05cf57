import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { AUTHORITY, type Authority } from '../identity/authority.ts';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import type { Session } from '../link/session.ts';
import { Sessions } from '../link/sessions.service.ts';

/** A fleet that is to renew does so over this time. */
const RENEW_WITHIN_MS = 600_000;

/** Tells agents which roots to trust, and to renew where another authority signs than the one that they have a certificate of. */
@Injectable()
export class AuthorityLink implements LinkPart, OnModuleInit {
  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(AUTHORITY) private readonly authority: Authority,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
    this.authority.onChange(() => {
      for (const session of this.sessions.all()) this.tell(session);
    });
  }

  async opened(session: Session): Promise<void> {
    this.tell(session);
  }

  private tell(session: Session): void {
    const { roots, signerId } = this.authority;
    const renewWithinMs = session.identity.issuerId === signerId ? 0 : RENEW_WITHIN_MS;
    session.send({ $case: 'trustedRoots', value: { caPem: Buffer.from(roots), renewWithinMs } });
  }
}
