import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import { ConfirmationsService } from './confirmations.service.ts';

/** Hears from gateways that a policy waits to be confirmed. */
@Injectable()
export class PolicyRolloutsLink implements LinkPart, OnModuleInit {
  readonly takes: LinkPart['takes'] = {
    policyState: {
      writes: ({ pending }) => (pending ? 1 : 0),
      take: (session, { pending }) => (pending ? this.confirmations.hear(session, pending) : undefined),
    },
  };

  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(ConfirmationsService) private readonly confirmations: ConfirmationsService,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
  }
}
