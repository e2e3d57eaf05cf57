import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../platform/database.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** What is stored of one request with a key. Without `answer` it is still being carried out, or was when its controller ended. */
export interface KeptRequest {
  keyHash: Bytes;
  callerId: string;
  requestHash: Bytes;
  createdAt: Date;
  answer: Bytes | null;
}

/** Requests by the hash of caller and key, which only that caller can name; so they have no tenant. */
@Injectable()
export class IdempotencyRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Begins a request. Returns the earlier request under this key, if there is one. */
  async begin(request: Omit<KeptRequest, 'answer'>): Promise<KeptRequest | undefined> {
    const { count } = await this.database.unscoped.idempotentRequest.createMany({ data: request, skipDuplicates: true });
    return count === 1 ? undefined : this.find(request.keyHash);
  }

  async find(keyHash: Bytes): Promise<KeptRequest | undefined> {
    return (await this.database.unscoped.idempotentRequest.findUnique({ where: { keyHash } })) ?? undefined;
  }

  async countOf(callerId: string): Promise<number> {
    return this.database.unscoped.idempotentRequest.count({ where: { callerId } });
  }

  async keep(keyHash: Bytes, answer: Bytes): Promise<void> {
    await this.database.unscoped.idempotentRequest.update({ where: { keyHash }, data: { answer } });
  }

  /** The request had no effect: its key may be used again. */
  async forget(keyHash: Bytes): Promise<void> {
    await this.database.unscoped.idempotentRequest.deleteMany({ where: { keyHash } });
  }

  async forgetBefore(time: Date): Promise<void> {
    await this.database.unscoped.idempotentRequest.deleteMany({ where: { createdAt: { lt: time } } });
  }
}
