import pg from 'pg';

/**
 * How long statements may take. The server ends what is slow; one that is frozen or cut off ends nothing, so we give the connection up a
 * little later.
 */
export interface Patience {
  statementMs: number;
  answerMs: number;
}

/** What people and agents wait for. With the wait for a connection it is below 10 s. */
export const USUAL: Patience = { statementMs: 5500, answerMs: 6000 };
/** Sums over the whole history, and what deletes much of it. */
export const LONG: Patience = { statementMs: 110_000, answerMs: 115_000 };
/** How long a connection may take, also one from a pool of which all are busy. */
export const CONNECT_MS = 3000;

/** The settings of a session for connections with this patience. */
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
 * A client of Postgres that gives its connection up when a statement is not answered in time: all that wait on it are told, and a pool
 * replaces
 * it. pg's own `query_timeout` tells the caller only, and the next one waits on the same dead connection.
 */
export function boundedClient(answerMs: number): typeof pg.Client {
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
      const answer = Reflect.apply(super.query, this, given) as Promise<unknown>;
      return answer.finally(done);
    }) as pg.Client['query'];
  };
}

/** The server took a statement and says nothing. */
export class DatabaseSilent extends Error {
  constructor(ms: number) {
    super(`Postgres did not answer within ${ms} ms`);
  }
}
