import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { knownActions } from '../../proto/model/access.ts';
import { createToken, getMe, listTokens, revokeToken } from '../../proto/http/access.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { VERSION } from '../platform/version.ts';
import { TokensService } from './tokens.service.ts';

@Controller()
export class AccessController {
  constructor(@Inject(TokensService) private readonly tokens: TokensService) {}

  @Handles(getMe)
  me(@Called() { caller }: Call<typeof getMe>): z.output<typeof getMe.response> {
    return {
      kind: caller.kind === 'remediation' ? 'token' : caller.kind,
      id: caller.id,
      name: caller.name,
      email: caller.email,
      grants: caller.grants,
      actions: caller.actions && knownActions(caller.actions),
      version: VERSION,
    };
  }

  @Handles(listTokens)
  list(@Called() { caller, query }: Call<typeof listTokens>): Promise<z.output<typeof listTokens.response>> {
    return this.tokens.list(caller, query);
  }

  @Handles(createToken)
  create(@Called() { caller, body }: Call<typeof createToken>): Promise<z.output<typeof createToken.response>> {
    return this.tokens.create(caller, body);
  }

  @Handles(revokeToken)
  revoke(@Called() { caller, params }: Call<typeof revokeToken>): Promise<void> {
    return this.tokens.revoke(caller, params.id);
  }
}
