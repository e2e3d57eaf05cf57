import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { FleetError } from '../../proto/model/error-codes.ts';
import { IDEMPOTENCY_KEPT_DAYS } from '../../proto/http/common.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { ENCRYPTION, type Encryption } from '../platform/encryption.ts';
import type { Caller } from '../platform/caller.ts';
import { IdempotencyRepository, type KeptRequest } from './idempotency.repository.ts';

const KEPT_MS = IDEMPOTENCY_KEPT_DAYS * 86_400_000;
/** Per caller, within that time. */
const MAX_KEYS = 5000;
/** How often, and how many times, a second equal request checks whether the first has finished. */
const LOOK_MS = 100;
const LOOKS = 30;

/** A request with a key. `content` is its method, address and body as text. */
export interface KeyedRequest {
  caller: Pick<Caller, 'kind' | 'id'>;
  key: string;
  content: string;
}
/** The stored answer: the body as a JSON value, and the location of the result. */
export interface KeptAnswer {
  body?: unknown;
  location?: string;
}

/**
 * Each request with an Idempotency-Key is carried out once, over all replicas and restarts:
 *
 *     nothing ── begin ──▶ begun ── success ──▶ answered (for a day: an equal request gets the same answer)
 *        ▲                   │ refused, failed       an equal request waits for the first, then gets IDEMPOTENCY_PENDING;
 *        └───────────────────┘                       another request under the key always gets IDEMPOTENCY_KEY_REUSED
 *
 * A controller that ends in the middle leaves *begun*: whether anything was done is then unknown, and nothing retries it automatically.
 */
@Injectable()
export class IdempotencyService {
  constructor(
    @Inject(IdempotencyRepository) private readonly requests: IdempotencyRepository,
    @Inject(ENCRYPTION) private readonly seal: Encryption,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Returns the stored answer of an equal request, or runs `carryOut` and stores its answer. Throws IDEMPOTENCY_KEY_REUSED,
   * IDEMPOTENCY_PENDING, RATE_LIMITED, and whatever `carryOut` throws.
   */
  async once(request: KeyedRequest, carryOut: () => Promise<KeptAnswer>): Promise<KeptAnswer> {
    const callerId = `${request.caller.kind}:${request.caller.id}`;
    const keyHash = hashOf(callerId, request.key);
    const requestHash = hashOf(request.content);
    const now = this.clock();
    await this.requests.forgetBefore(new Date(now - KEPT_MS));
    if ((await this.requests.countOf(callerId)) >= MAX_KEYS && !(await this.requests.find(keyHash))) {
      throw new FleetError(
        'RATE_LIMITED',
        `You have used ${MAX_KEYS} idempotency keys within a day. Send the request without one, or wait.`,
        { retryAfterSeconds: 3600 },
      );
    }
    const earlier = await this.requests.begin({ keyHash, callerId, requestHash, createdAt: new Date(now) });
    if (earlier) return this.answerOf(earlier, requestHash);
    let answer: KeptAnswer;
    try {
      answer = await carryOut();
    } catch (error) {
      await this.requests.forget(keyHash);
      throw error;
    }
    await this.requests.keep(keyHash, this.seal.close(JSON.stringify(answer)));
    return answer;
  }

  private async answerOf(earlier: KeptRequest, requestHash: Uint8Array): Promise<KeptAnswer> {
    if (Buffer.compare(earlier.requestHash, requestHash) !== 0) {
      throw new FleetError(
        'IDEMPOTENCY_KEY_REUSED',
        'This Idempotency-Key was already used with a different request. Use a new key for a new request.',
      );
    }
    for (let looks = 0; looks < LOOKS; looks++) {
      const kept = looks === 0 ? earlier : await this.requests.find(earlier.keyHash);
      if (!kept) throw new FleetError('IDEMPOTENCY_PENDING', 'The same request was refused a moment ago. Send it again.');
      if (kept.answer) return JSON.parse(this.seal.open(kept.answer)) as KeptAnswer;
      await delay(LOOK_MS);
    }
    throw new FleetError(
      'IDEMPOTENCY_PENDING',
      'The same request is still in progress. Try again later; if this persists, check what the first request did before you use a new key.',
    );
  }
}

function hashOf(...parts: string[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(JSON.stringify(parts)).digest());
}
