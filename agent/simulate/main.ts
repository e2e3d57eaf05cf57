// Simulated gateways, spread over processes. Reads what they are from standard input, as fleet.ts says.
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { shares, simulation } from './fleet.ts';

const told = simulation.parse(JSON.parse(await text(process.stdin)));
const program = path.join(import.meta.dirname, `worker${path.extname(import.meta.filename)}`);
const workers = shares(told, availableParallelism()).map((gateways) => {
  const worker = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  worker.send({ ...told, gateways });
  // Part of a fleet would only look like a controller that loses gateways.
  worker.once('exit', (code, signal) => end(code ?? (signal === 'SIGTERM' ? 0 : 1)));
  return worker;
});
let isEnding = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end(0));

function end(code: number): void {
  if (code !== 0) process.exitCode = code;
  if (isEnding) return;
  isEnding = true;
  for (const worker of workers) worker.kill('SIGTERM');
}
