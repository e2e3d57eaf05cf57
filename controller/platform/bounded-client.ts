import pg from 'pg';

/**
 * How long statements may take. The server ends slow ones; a frozen or unreachable server ends nothing, so we give up the connection a
 * little later.
 */
export interface Patience {
  statementMs: number;
  answerMs: number;
}

/** For requests of people and agents. Together with the wait for a connection it stays below 10 s. */
export const USUAL: Patience = { statementMs: 5500, answerMs: 6000 };
/** For sums over the whole history, and large deletes. */
export const LONG: Patience = { statementMs: 110_000, answerMs: 115_000 };
/** How long connecting may take, including the wait for a busy pool. */
export const CONNECT_MS = 3000;

/** The session settings of connections with these limits. */
export function sessionOf({ statementMs }: Patience): pg.ClientConfig {
  return {
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    statement_timeout: statementMs,
    lock_timeout: statementMs,
    idle_in_transaction_session_timeout: 15_000,
  };
}

/**
 * A Postgres client that gives up its connection when a statement is not answered in time: all waiting statements fail, and the pool
 * replaces the connection. pg's own `query_timeout` only fails the caller, and the next one waits on the same dead connection. Statements
 * wait for each other here: Prisma sends those of a transaction together, and pg will take only one at a time.
 */
export function boundedClient(answerMs: number): typeof pg.Client {
  const underWay = new WeakMap<pg.Client, Promise<unknown>>();
  return class extends pg.Client {
    override query = ((...given: unknown[]): unknown => {
      const timer = setTimeout(() => this.connection.stream.destroy(new DatabaseSilent(answerMs)), answerMs);
      const done = (): void => clearTimeout(timer);
      const callback = given.at(-1);
      if (typeof callback === 'function') {
        return Reflect.apply(super.query, this, [
          ...given.slice(0, -1),
          (...answer: unknown[]) => {
            done();
            Reflect.apply(callback, undefined, answer);
          },
        ]);
      }
      const send = (): Promise<unknown> => Reflect.apply(super.query, this, given) as Promise<unknown>;
      const before = underWay.get(this);
      const answer = (before ? before.then(send) : send()).finally(done);
      const ended = answer.then(
        () => undefined,
        () => undefined,
      );
      underWay.set(this, ended);
      void ended.then(() => underWay.get(this) === ended && underWay.delete(this));
      return answer;
    }) as pg.Client['query'];
  };
}

/** The server accepted a statement and does not respond. */
export class DatabaseSilent extends Error {
  constructor(ms: number) {
    super(`Postgres did not answer within ${ms} ms`);
  }
}
