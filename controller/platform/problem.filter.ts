import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_CODES } from '../../proto/model/error-codes.ts';
import { CLOCK, type Clock } from './clock.ts';
import { Failures } from './failures.ts';
import { LOGGER, type Logger } from './logger.ts';
import { toFleetError, toProblem } from './problem.ts';

/** The one place where an error becomes an HTTP response. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly failures: Failures;

  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.failures = new Failures(logger, clock);
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const refusal = toFleetError(error);
    const traceId = String(request.id);
    // An unavailable database is one failure, however many requests hit it.
    if (refusal.code === 'UNAVAILABLE') this.failures.failed('requests are refused as unavailable', refusal.cause ?? refusal, { traceId });
    else if (ERROR_CODES[refusal.code].http >= 500)
      this.logger.error({ traceId, code: refusal.code, err: refusal.cause ?? refusal }, 'request failed');
    if (refusal.code === 'RATE_LIMITED' && typeof refusal.fields.retryAfterSeconds === 'number')
      void reply.header('retry-after', String(refusal.fields.retryAfterSeconds));
    void reply
      .status(ERROR_CODES[refusal.code].http)
      .type('application/problem+json')
      .send(toProblem(refusal, request.originalUrl, traceId));
  }
}
