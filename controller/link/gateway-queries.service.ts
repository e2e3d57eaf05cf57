import { Inject, Injectable } from '@nestjs/common';
import { ControllerMessage, type Query, type AnswerPart, type AnswerHead, type AnswerEnd } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Flow } from '../../proto/gen/ctfleet/v1/flow.ts';
import { ERROR_CODES, FleetError, type ErrorCode } from '../../proto/model/error-codes.ts';
import { newId } from '../platform/ids.ts';
import { textFrom } from '../platform/untrusted.ts';
import { Sessions } from './sessions.service.ts';

/** What a gateway answered, without its rows. */
export interface Answer {
  head: AnswerHead;
  end: AnswerEnd;
}

export interface Asking {
  deadlineMs: number;
  /** Rows that were asked for; a gateway that sends more is not heard out. */
  maxFlows: number;
  /** Aborted when nobody waits for the answer any more. */
  signal?: AbortSignal;
  /** Takes rows as they come; no more are read until it resolves. If it throws, the query is over. */
  onFlows(flows: Flow[]): void | Promise<void>;
}

type Ask = NonNullable<Query['ask']>;

/** Reaches gateways whose session another replica holds. Throws as GatewayQueries.ask does. */
export interface Elsewhere {
  ask(gatewayId: string, ask: Ask, asking: Asking): Promise<Answer>;
}

/** What an answer may be as large as: its head, and rows of the largest kind. */
const MAX_HEAD_BYTES = 2 * 1024 * 1024;
const MAX_ROW_BYTES = 400;

interface Pending {
  gatewayId: string;
  askedBytes: number;
  asking: Asking;
  head?: AnswerHead;
  flows: number;
  bytes: number;
  settle(outcome: { answer: Answer } | { error: FleetError }): void;
}

/** Queries to gateways. Answers of those whose session this replica holds come on streams of their own; the others are asked elsewhere. */
@Injectable()
export class GatewayQueries {
  private readonly pending = new Map<string, Pending>();
  private elsewhere: Elsewhere | undefined;

  constructor(@Inject(Sessions) private readonly sessions: Sessions) {}

  /** From now on, gateways that this replica has no session of are asked there. */
  askOthersBy(elsewhere: Elsewhere): void {
    this.elsewhere = elsewhere;
  }

  /**
   * Throws GATEWAY_OFFLINE without a session on any replica, GATEWAY_SLOW past the deadline, CANCELLED if nobody waits, and what the agent
   * itself refuses with.
   */
  async ask(gatewayId: string, ask: Ask, asking: Asking): Promise<Answer> {
    if (this.elsewhere && !this.isHere(gatewayId)) return this.elsewhere.ask(gatewayId, ask, asking);
    return this.askHere(gatewayId, ask, asking);
  }

  /** Whether this replica holds the gateway's session. */
  private isHere(gatewayId: string): boolean {
    return this.sessions.get(gatewayId)?.isClosed === false;
  }

  /** Whether the gateway still has to answer something. */
  isAsked(gatewayId: string): boolean {
    return [...this.pending.values()].some((pending) => pending.gatewayId === gatewayId);
  }

  /** The same, of this replica's own sessions only. */
  async askHere(gatewayId: string, ask: Ask, asking: Asking): Promise<Answer> {
    const session = this.sessions.get(gatewayId);
    if (!session || session.isClosed) throw new FleetError('GATEWAY_OFFLINE', 'No controller has a link to the gateway.');
    asking.signal?.throwIfAborted();
    const id = newId();
    const body = { $case: 'query' as const, value: { id, deadlineMs: asking.deadlineMs, ask } };
    return new Promise<Answer>((resolve, reject) => {
      const cancel = (error: FleetError): void => {
        session.send({ $case: 'cancelQuery', value: { queryId: id } });
        pending.settle({ error });
      };
      const timer = setTimeout(
        () => cancel(new FleetError('GATEWAY_SLOW', `No answer within ${asking.deadlineMs} ms.`)),
        asking.deadlineMs,
      );
      const onAbort = (): void => cancel(new FleetError('CANCELLED', 'The request was cancelled.'));
      asking.signal?.addEventListener('abort', onAbort, { once: true });
      const pending: Pending = {
        gatewayId,
        askedBytes: ControllerMessage.encode({ body }).finish().length,
        asking,
        flows: 0,
        bytes: 0,
        settle: (outcome) => {
          if (!this.pending.delete(id)) return;
          clearTimeout(timer);
          asking.signal?.removeEventListener('abort', onAbort);
          if ('answer' in outcome) resolve(outcome.answer);
          else reject(outcome.error);
        },
      };
      this.pending.set(id, pending);
      session.send(body);
    });
  }

  /**
   * One part of an answer, as large as it came; identity is the certificate's. Resolves once the next may come, with false if nobody waits
   * for it, or not from this gateway.
   */
  async take(gatewayId: string, { queryId, part }: AnswerPart, bytes: number): Promise<boolean> {
    const pending = this.pending.get(queryId);
    if (pending?.gatewayId !== gatewayId) return false;
    pending.bytes += bytes;
    pending.flows += part?.$case === 'flows' ? part.value.flows.length : 0;
    const { maxFlows } = pending.asking;
    if (pending.flows > maxFlows || pending.bytes > MAX_HEAD_BYTES + maxFlows * MAX_ROW_BYTES) {
      pending.settle({ error: new FleetError('PLAN_TOO_LARGE', 'The gateway sent more than was asked for.') });
      return false;
    }
    switch (part?.$case) {
      case 'head':
        pending.head = part.value;
        break;
      case 'flows':
        try {
          await pending.asking.onFlows(part.value.flows);
        } catch (cause) {
          pending.settle({ error: toUnreadable(cause) });
        }
        break;
      case 'end':
        if (pending.head) pending.settle({ answer: { head: pending.head, end: part.value } });
        else pending.settle({ error: new FleetError('INTERNAL', 'The gateway ended an answer that it had not begun.') });
        break;
      case 'failure':
        pending.settle({ error: new FleetError(toErrorCode(part.value.code), textFrom(part.value.detail, 500)) });
        break;
      case undefined:
    }
    return true;
  }

  /** The agent's stream for a query broke before its end. */
  drop(gatewayId: string, queryId: string): void {
    const pending = this.pending.get(queryId);
    if (pending?.gatewayId === gatewayId) pending.settle({ error: new FleetError('GATEWAY_OFFLINE', 'The gateway aborted its answer.') });
  }

  /** The agent could not read a message of so many bytes. If that was a query, the newest of that size is over; false if none was. */
  failUnreadable(gatewayId: string, bytes: number, detail: string): boolean {
    const asked = [...this.pending.values()].findLast(
      (pending) => pending.gatewayId === gatewayId && pending.askedBytes === bytes && pending.bytes === 0,
    );
    asked?.settle({ error: new FleetError('CAPABILITY_MISSING', `The agent cannot read the query: ${detail}. Update the agent.`) });
    return asked !== undefined;
  }

  /** The gateway's session is gone: its open queries will not be answered. */
  dropAll(gatewayId: string): void {
    for (const pending of this.pending.values()) {
      if (pending.gatewayId === gatewayId)
        pending.settle({ error: new FleetError('GATEWAY_OFFLINE', 'The link broke while the gateway answered.') });
    }
  }
}

/** Why rows were not taken. */
export function toUnreadable(cause: unknown): FleetError {
  return cause instanceof FleetError ? cause : new FleetError('INTERNAL', 'The gateway sent rows that cannot be read.', {}, { cause });
}

/** The code that somebody else gave, as far as we know it. */
export function toErrorCode(text: string): ErrorCode {
  return Object.hasOwn(ERROR_CODES, text) ? (text as ErrorCode) : 'INTERNAL';
}
