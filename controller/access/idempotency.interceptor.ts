import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { lastValueFrom, of, type Observable } from 'rxjs';
import { idempotencyKey } from '../../proto/http/common.ts';
import { invalidRequest } from '../platform/problem.ts';
import type { AdmittedRequest } from '../platform/route-decorators.ts';
import { IdempotencyService } from './idempotency.service.ts';

/**
 * Wraps every POST that changes something: with an Idempotency-Key it is carried out once. Runs after the guard, so that a stored answer is
 * only returned to a caller who may still ask.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(@Inject(IdempotencyService) private readonly idempotency: IdempotencyService) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<AdmittedRequest>();
    const header = request.headers['idempotency-key'];
    if (header === undefined || request.method !== 'POST' || !request.admitted) return next.handle();
    const key = idempotencyKey.safeParse(header);
    if (!key.success) throw invalidRequest(key.error, 'Idempotency-Key');
    const { route, caller } = request.admitted;
    if (route.isSafe) return next.handle();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const content = JSON.stringify([request.method, request.originalUrl, request.body ?? null]);
    let isFirst = false;
    const answer = await this.idempotency.once({ caller, key: key.data, content }, async () => {
      isFirst = true;
      const body: unknown = await lastValueFrom(next.handle());
      return { body, location: reply.getHeader('location')?.toString() };
    });
    if (!isFirst) void reply.header('idempotency-replayed', 'true');
    if (answer.location !== undefined) void reply.header('location', answer.location);
    return of(answer.body);
  }
}
