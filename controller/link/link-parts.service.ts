import { Injectable } from '@nestjs/common';
import type { AgentMessage, Hello } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Transaction } from '../platform/database.ts';
import type { Numbers } from './numbers.ts';
import type { Session } from './session.ts';

type Body = NonNullable<AgentMessage['body']>;
/** Kinds of message that the link does not handle itself. */
export type MessageKind = Exclude<Body['$case'], 'hello' | 'pong' | 'unreadable'>;
export type MessageOf<K extends MessageKind> = Extract<Body, { $case: K }>['value'];

/** Takes messages of one kind. Messages of one session arrive one after the other. */
export interface Taker<K extends MessageKind> {
  /** The transactions that a message costs, asked before it is taken; none if absent. */
  writes?(message: MessageOf<K>): number;
  /** Throws INVALID_REQUEST for impossible content, which counts against the gateway. */
  take(session: Session, message: MessageOf<K>): Promise<void> | undefined;
}

/** A gateway whose session is about to be opened. `known` and `seen`: the highest numbers that we, and the agent, know. */
export interface Admitted {
  gatewayId: string;
  tenantId: string;
  name: string;
  hello: Hello;
  known: Numbers;
  seen: Numbers;
}

/** What one noun does with the link. Each part is optional; the link itself knows no noun. */
export interface LinkPart {
  readonly takes?: { readonly [K in MessageKind]?: Taker<K> };
  /** In the transaction that admits a session; throwing refuses the session. */
  admit?(t: Transaction, admitted: Admitted): Promise<void>;
  /** After the welcome, before the agent's next message. */
  opened?(session: Session, hello: Hello): Promise<void>;
  /** The session has ended, for whatever reason. */
  closed?(gatewayId: string): void;
}

/** The nouns registered on the link, in order of registration (`*.link.ts`). */
@Injectable()
export class LinkParts {
  private readonly parts: LinkPart[] = [];

  add(part: LinkPart): void {
    this.parts.push(part);
  }

  async admit(t: Transaction, admitted: Admitted): Promise<void> {
    for (const part of this.parts) await part.admit?.(t, admitted);
  }

  async opened(session: Session, hello: Hello): Promise<void> {
    for (const part of this.parts) await part.opened?.(session, hello);
  }

  closed(gatewayId: string): void {
    for (const part of this.parts) part.closed?.(gatewayId);
  }

  /** The transactions that a message costs in all its takers. */
  writesOf(body: Body): number {
    return this.takersOf(body).reduce((sum, taker) => sum + (taker.writes?.(body.value as never) ?? 0), 0);
  }

  /** Passes a message to all takers of its kind. One without a taker is ignored: it may be newer than this controller. */
  async take(session: Session, body: Body): Promise<void> {
    for (const taker of this.takersOf(body)) await taker.take(session, body.value as never);
  }

  private takersOf({ $case }: Body): Taker<MessageKind>[] {
    return this.parts.flatMap((part) => (part.takes?.[$case as MessageKind] as Taker<MessageKind> | undefined) ?? []);
  }
}
