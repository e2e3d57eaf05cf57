// Loaded before a program: notes each statement that Postgres accepts from the controller's login, in a file per process.
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';

const OWNER = 'postgres';
const folder = process.env.CTFLEET_STATEMENTS!;
const seen = new Set<string>();
const { query } = pg.Client.prototype;
type Callback = (error: unknown, result: unknown) => void;

pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
  const [first] = args;
  const text = typeof first === 'string' ? first : (first as { text?: string } | undefined)?.text;
  const note = (): void => {
    if (text === undefined || this.user === OWNER || seen.has(text)) return;
    seen.add(text);
    appendFileSync(path.join(folder, `${process.pid}.jsonl`), `${JSON.stringify(text)}\n`);
  };
  const last = args.at(-1);
  if (typeof last === 'function')
    args[args.length - 1] = (error: unknown, result: unknown) => {
      if (!error) note();
      (last as Callback)(error, result);
    };
  const answer = (query as (...given: unknown[]) => unknown).apply(this, args);
  if (answer instanceof Promise) answer.then(note, () => undefined);
  return answer;
} as typeof query;
