import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** The process around a command: standard output is for data, standard error for talk. */
export interface Io {
  env: Readonly<Record<string, string | undefined>>;
  isInputTerminal: boolean;
  isOutputTerminal: boolean;
  isTalkTerminal: boolean;
  columns: number | undefined;
  write(text: string): void;
  say(text: string): void;
  /** Asks one line at the terminal; undefined if it ended. `isSecret`: without an echo. */
  ask(question: string, options?: { isSecret?: boolean }): Promise<string | undefined>;
  /** All of standard input, up to `maxBytes`. */
  readInput(maxBytes: number): Promise<string>;
  /** Instead of ending the program, Ctrl-C calls this until the returned function is called. */
  onInterrupt(then: () => void): () => void;
  now(): number;
}

/** The real process. */
export function processIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  // Whoever reads, such as head, has seen enough.
  stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  return {
    env,
    isInputTerminal: stdin.isTTY === true,
    isOutputTerminal: stdout.isTTY === true,
    isTalkTerminal: stderr.isTTY === true,
    columns: stdout.columns,
    write: (text) => void stdout.write(text),
    say: (text) => void stderr.write(`${text}\n`),
    ask,
    readInput,
    onInterrupt(then) {
      process.on('SIGINT', then);
      process.on('SIGTERM', then);
      return () => {
        process.off('SIGINT', then);
        process.off('SIGTERM', then);
      };
    },
    now: Date.now,
  };
}

function ask(question: string, { isSecret = false } = {}): Promise<string | undefined> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: isSecret ? silent : process.stderr, terminal: true });
  return new Promise((resolve) => {
    lines.once('close', () => resolve(undefined));
    lines.once('SIGINT', () => lines.close());
    lines.once('line', (line) => {
      resolve(line);
      if (isSecret) process.stderr.write('\n');
      lines.close();
    });
  });
}

async function readInput(maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`standard input has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
