import { Inject, Injectable } from '@nestjs/common';
import { isHttpKind, type HttpKind, type Target } from '../../proto/model/alerts/receiver-kinds.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { ENCRYPTION, type Encryption } from '../platform/encryption.ts';
import { MAILER, MailError, type Mailer } from '../platform/mailer.ts';
import { OUTBOUND, OutboundError, type Outbound } from '../platform/outbound.ts';
import { alertMessage, receiverTest } from './message.ts';
import { requestOf, type Telling } from './requests.ts';

export const NO_MAIL = 'No mail server is set.';
const UNREADABLE = 'Its address cannot be read: it was sealed with another key than this controller’s. Set the receiver up again.';

/** Whom it goes to: an address of mail, or a sealed target. */
export interface Whom {
  kind: string;
  name: string;
  address: string;
  target: Uint8Array | null;
}

/** Why something was not taken. */
export class NotTaken extends Error {
  readonly isPermanent: boolean;
  readonly retryAfterMs: number;

  constructor(reason: string, isPermanent: boolean, retryAfterMs = 0) {
    super(reason);
    this.isPermanent = isPermanent;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The ways in which receivers are told. */
@Injectable()
export class Channels {
  constructor(
    @Inject(MAILER) private readonly mailer: Mailer | undefined,
    @Inject(OUTBOUND) private readonly outbound: Outbound,
    @Inject(ENCRYPTION) private readonly encryption: Encryption,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Without a server mail goes nowhere. */
  get hasMail(): boolean {
    return this.mailer !== undefined;
  }

  /** Where a target is kept. */
  seal(target: Target): Uint8Array<ArrayBuffer> {
    return this.encryption.close(JSON.stringify(target));
  }

  /** Throws NotTaken for one that was sealed with another key. */
  open(target: Uint8Array | null): Target {
    try {
      return target === null ? {} : (JSON.parse(this.encryption.open(target)) as Target);
    } catch {
      throw new NotTaken(UNREADABLE, true);
    }
  }

  /** What was answered. `id`: the same at each attempt. Throws NotTaken. */
  async send(whom: Whom, telling: Telling, id: string): Promise<string> {
    try {
      return await (isHttpKind(whom.kind) ? this.call(whom.kind, whom, telling, id) : this.mail(whom, telling, id));
    } catch (error) {
      if (error instanceof OutboundError) throw new NotTaken(error.message, error.isPermanent, error.retryAfterMs);
      if (error instanceof MailError) throw new NotTaken(error.message, error.isPermanent);
      throw error;
    }
  }

  private async call(kind: HttpKind, { target }: Whom, telling: Telling, id: string): Promise<string> {
    const saying = { id, nowMs: this.clock(), publicUrl: this.config.publicUrl };
    return this.outbound.post(requestOf(kind, this.open(target), telling, saying));
  }

  private async mail({ name, address }: Whom, telling: Telling, id: string): Promise<string> {
    if (!this.mailer) throw new NotTaken(NO_MAIL, true);
    const { publicUrl } = this.config;
    const message = 'told' in telling ? alertMessage(telling.told, publicUrl) : receiverTest(telling.test.receiverName, publicUrl);
    return this.mailer.send({ to: { name, address }, ...message, id });
  }
}
