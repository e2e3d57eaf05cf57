import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Route } from '../../proto/http/route.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { OPEN, ROUTE, type AdmittedRequest } from '../platform/route-decorators.ts';
import { assertProved, isNone, scopeOf, whyNotAdmitted } from '../platform/caller.ts';
import { CallersService } from './callers.service.ts';
import { isOwnSite } from './cross-site.ts';

/** Guards every handler. Denies by default: an address without a route is open to nobody, and a caller whom no grant allows is refused. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(CallersService) private readonly callers: CallersService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const handler = context.getHandler();
    if (this.reflector.get<boolean | undefined>(OPEN, handler) === true) return true;
    const route = this.reflector.get<Route | undefined>(ROUTE, handler);
    if (!route) throw new FleetError('FORBIDDEN', 'No role may call this address.');
    const request = context.switchToHttp().getRequest<AdmittedRequest>();
    const { authorization, cookie, origin } = request.headers;
    const caller = await this.callers.resolve({ authorization, cookie });
    if (!caller) throw new FleetError('UNAUTHENTICATED', 'Sign in, or send an API token that is still valid.');
    const secFetchSite = request.headers['sec-fetch-site']?.toString();
    if (caller.kind === 'user' && route.method !== 'GET' && !isOwnSite({ origin, secFetchSite }, this.config.publicUrl)) {
      throw new FleetError('CROSS_SITE_REFUSED', 'This request came from a page of another site. Use the console.');
    }
    const refusal = whyNotAdmitted(caller, route.action);
    if (refusal) throw refusal;
    const scope = scopeOf(caller, route.action);
    if (route.isForPeople && caller.kind !== 'user') {
      await this.audit.recordDenial(caller, route.action);
      throw new FleetError('FORBIDDEN', 'API tokens and service accounts cannot do this. Sign in to the console.', {
        action: route.action,
      });
    }
    if (isNone(scope)) {
      await this.audit.recordDenial(caller, route.action);
      throw new FleetError('FORBIDDEN', `Your roles do not allow ${route.action}. An owner can grant a role that does.`, {
        action: route.action,
      });
    }
    const isAsked =
      route.needsProof === true ||
      (route.needsProof === 'of-what-is-there' && caller.session?.hasSecondFactor) ||
      (route.needsProof === 'unless-signed' && !isSigned(request.body));
    if (isAsked) assertProved(caller, this.clock());
    request.admitted = { caller, scope, route, credentials: { authorization, cookie } };
    return true;
  }
}

/** The handler verifies the signature, and refuses everything without if it is none. */
function isSigned(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'signature' in body && body.signature !== undefined;
}
