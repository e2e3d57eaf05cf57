import { Inject, Injectable, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import { EnrolmentService as Definition, type EnrolmentServer } from '../../proto/gen/ctfleet/v1/link.ts';
import { Addresses } from '../platform/addresses.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { GrpcListener, unary } from '../platform/grpc-listener.ts';
import { AUTHORITY, type Authority } from '../identity/authority.ts';
import { ServerCertificatesService } from '../identity/server-certificates.service.ts';
import { EnrolmentService } from './enrolment.service.ts';
import { addressOf } from './peer-address.ts';

/** Callers have not proved anything yet. An enrolment takes about a second. */
const CONNECTIONS = {
  total: 400,
  perAddress: 100,
  unproven: 200,
  unprovenPerAddress: 50,
  streams: 10,
  arrivals: { perSecond: 20, burst: 300 },
  calls: { perSecond: 1, burst: 20 },
};

/** The listener for agents that do not have a certificate yet. */
@Injectable()
export class EnrolmentGrpc implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private listener: GrpcListener | undefined;

  constructor(
    @Inject(EnrolmentService) private readonly enrolment: EnrolmentService,
    @Inject(AUTHORITY) private readonly authority: Authority,
    @Inject(ServerCertificatesService) private readonly certificates: ServerCertificatesService,
    @Inject(Addresses) private readonly addresses: Addresses,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const handlers: EnrolmentServer = { enrol: unary((call) => this.enrolment.enrol(call.request, addressOf(call.getPeer()))) };
    const issue = () => this.certificates.issue('enrol');
    this.listener = await GrpcListener.open(this.config.enrol, issue, Definition, handlers, CONNECTIONS);
    const { listener } = this;
    this.authority.onChange(() => void listener.present().catch(() => undefined));
    this.addresses.noteOpened('enrol', this.listener.port);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.listener?.close();
  }
}
