import { Controller, Inject } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Database } from './database.ts';
import { HandlesOpen } from './route-decorators.ts';
import { openApiDocument } from './openapi.ts';

/** Public endpoints: liveness, readiness, the API description. */
@Controller()
export class HealthController {
  private readonly document = openApiDocument();

  constructor(@Inject(Database) private readonly database: Database) {}

  @HandlesOpen('/healthz')
  healthz(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Throws UNAVAILABLE while Postgres does not answer; always returns within two seconds. */
  @HandlesOpen('/readyz')
  async readyz(): Promise<{ status: 'ok' }> {
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
