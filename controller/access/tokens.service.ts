import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { createToken, token } from '../../proto/http/access.ts';
import type { Role } from '../../proto/model/access.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import type { ApiToken } from '../generated/prisma/client.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage, type Page } from '../platform/cursor.ts';
import { newId } from '../platform/ids.ts';
import { hashSecret, newSecret } from '../platform/secret.ts';
import { id as idSchema } from '../../proto/http/common.ts';
import { actionBeyond } from './rights-beyond.ts';
import { formatBearer } from './secret-texts.ts';
import type { Caller } from '../platform/caller.ts';
import { TokensRepository } from './tokens.repository.ts';

const DAY_MS = 86_400_000;
type TokenView = z.output<typeof token>;

/** API tokens: created by people for their scripts, never stronger than their owner, shown once. */
@Injectable()
export class TokensService {
  constructor(
    @Inject(TokensRepository) private readonly tokens: TokensRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(caller: Caller, query: { limit: number; cursor?: string }): Promise<Page<TokenView>> {
    const rows = await this.tokens.list(caller.userId, query.limit, parseCursor(query.cursor, idSchema));
    return toPage(rows, query.limit, toView, (row) => row.id);
  }

  /** Throws FORBIDDEN if the token could do something that the caller cannot. */
  async create(caller: Caller, body: z.output<typeof createToken.body>): Promise<TokenView & { secret: string }> {
    const beyond = actionBeyond(caller, { role: body.role, tenantId: body.tenantId });
    if (beyond !== undefined)
      throw new FleetError('FORBIDDEN', `A token cannot have more rights than you: your roles do not allow ${beyond} there.`, {
        action: beyond,
      });
    const now = this.clock();
    const secret = newSecret();
    const row = await this.tokens.insert({
      id: newId(),
      userId: caller.userId,
      name: body.name,
      role: body.role,
      tenantId: body.tenantId,
      secretHash: hashSecret(secret),
      createdAt: new Date(now),
      expiresAt: new Date(now + body.expiresInDays * DAY_MS),
    });
    await this.audit.recordToken(caller, 'token.made', row);
    return { ...toView(row), secret: formatBearer({ kind: 'ctfp', id: row.id, secret }) };
  }

  /** Throws NOT_FOUND unless it is the caller's own live token. */
  async revoke(caller: Caller, id: string): Promise<void> {
    const row = await this.tokens.revoke(caller.userId, id, new Date(this.clock()));
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such token.');
    await this.audit.recordToken(caller, 'token.revoked', row);
  }
}

function toView(row: ApiToken): TokenView {
  return {
    id: row.id,
    name: row.name,
    role: row.role as Role,
    tenantId: row.tenantId,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    lastUsedAt: row.lastUsedAt?.toISOString(),
    revokedAt: row.revokedAt?.toISOString(),
  };
}
