import { Controller, Inject, Res, StreamableFile } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import type { z } from 'zod';
import { exportAudit, getAuditEntry, listAudit, listCheckpoints, verifyAudit } from '../../proto/http/audit.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { AuditService } from './audit.service.ts';
import { CheckpointsService } from './checkpoints.service.ts';
import { FORMATS } from './formats.ts';
import { TrailsService } from './trails.service.ts';

@Controller()
export class AuditController {
  constructor(
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(CheckpointsService) private readonly checkpoints: CheckpointsService,
    @Inject(TrailsService) private readonly trails: TrailsService,
  ) {}

  @Handles(listAudit)
  list(@Called() { scope, query }: Call<typeof listAudit>): Promise<z.output<typeof listAudit.response>> {
    return this.audit.list(scope, query);
  }

  @Handles(verifyAudit)
  verify(@Called() { scope }: Call<typeof verifyAudit>): Promise<z.output<typeof verifyAudit.response>> {
    return this.trails.verify(scope);
  }

  @Handles(listCheckpoints)
  listCheckpoints(@Called() { scope }: Call<typeof listCheckpoints>): Promise<z.output<typeof listCheckpoints.response>> {
    return this.checkpoints.newest(scope);
  }

  @Handles(exportAudit)
  export(@Called() { scope, query }: Call<typeof exportAudit>, @Res({ passthrough: true }) reply: FastifyReply): StreamableFile {
    const { type, extension } = FORMATS[query.format];
    void reply.header('cache-control', 'no-store');
    return new StreamableFile(Readable.from(this.trails.export(scope, query)), {
      type,
      disposition: `attachment; filename="ctfleet-audit.${extension}"`,
    });
  }

  @Handles(getAuditEntry)
  get(@Called() { scope, params }: Call<typeof getAuditEntry>): Promise<z.output<typeof getAuditEntry.response>> {
    return this.audit.get(scope, params.id);
  }
}
