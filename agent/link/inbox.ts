import type { ControllerMessage } from '../../proto/gen/ctfleet/v1/link.ts';

type Body = NonNullable<ControllerMessage['body']>;
type Values = { [B in Body as B['$case']]: B['value'] };

/** Messages of the controller that are not of the session itself, by their kind. */
export type Kind = Exclude<keyof Values, 'welcome' | 'ping'>;

/** What is done with each kind of message; none may be left out. What a handler throws is logged, and the session goes on. */
export type Handlers = { readonly [K in Kind]: (value: Values[K]) => void };

type MessageOf<K extends Kind> = { [P in K]: { $case: P; value: Values[P] } }[K];

/** Hands a message to its handler. */
export function deliver<K extends Kind>(handlers: Handlers, body: MessageOf<K>): void {
  handlers[body.$case](body.value);
}
