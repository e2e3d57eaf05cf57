import { Controller, Inject } from '@nestjs/common';
import {
  backAuthority,
  getAuthority,
  prepareAuthority,
  retireAuthority,
  switchAuthority,
  type AuthorityView,
} from '../../proto/http/authority.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { AuthorityService } from './authority.service.ts';

@Controller()
export class AuthorityController {
  constructor(@Inject(AuthorityService) private readonly authority: AuthorityService) {}

  @Handles(getAuthority)
  get(@Called() { scope }: Call<typeof getAuthority>): Promise<AuthorityView> {
    return this.authority.show(scope);
  }

  @Handles(prepareAuthority)
  prepare(@Called() { caller, scope, body }: Call<typeof prepareAuthority>): Promise<AuthorityView> {
    return this.authority.prepare(caller, scope, body.kind);
  }

  @Handles(switchAuthority)
  switch(@Called() { caller, scope }: Call<typeof switchAuthority>): Promise<AuthorityView> {
    return this.authority.take(caller, scope, 'switch');
  }

  @Handles(retireAuthority)
  retire(@Called() { caller, scope, body }: Call<typeof retireAuthority>): Promise<AuthorityView> {
    return this.authority.take(caller, scope, 'retire', body.without);
  }

  @Handles(backAuthority)
  back(@Called() { caller, scope, body }: Call<typeof backAuthority>): Promise<AuthorityView> {
    return this.authority.take(caller, scope, 'back', body.without);
  }
}
