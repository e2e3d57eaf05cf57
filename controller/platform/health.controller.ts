import { Controller, Inject } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Database } from './database.ts';
import { Readiness } from './readiness.ts';
import { HandlesOpen } from './route-decorators.ts';
import { openApiDocument } from './openapi.ts';

/** Public endpoints: liveness, readiness, the API description. */
@Controller()
export class HealthController {
  private readonly document = openApiDocument();

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Readiness) private readonly readiness: Readiness,
  ) {}

  @HandlesOpen('/healthz')
  healthz(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Throws UNAVAILABLE while Postgres does not answer, and once this controller is about to stop; always returns within two seconds. */
  @HandlesOpen('/readyz')
  async readyz(): Promise<{ status: 'ok' }> {
    if (this.readiness.isDraining) throw new FleetError('UNAVAILABLE', 'This controller is about to stop. Others take over.');
    await this.database.ping().catch((cause: unknown) => {
      throw new FleetError('UNAVAILABLE', 'The database does not answer within 1.5 s.', {}, { cause });
    });
    return { status: 'ok' };
  }

  @HandlesOpen('/api/openapi.json')
  openapi(): object {
    return this.document;
  }
}
